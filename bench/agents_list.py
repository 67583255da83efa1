"""`GET /v1/agents?perPage=25`, authenticated: this code, the same without policies, the usual way, FastAPI and asyncpg,
and the floor."""

from pathlib import Path

from bench import contest, data


def main(data_dir: Path) -> None:
    print(f"The list of agents: {data.AGENCIES} agencies, {data.AGENTS} agents, {data.PARTNERS} partners.")
    tokens = data_dir / "tokens"
    tokens.write_text("\n".join(data.load()))
    load = {"TOKENS": str(tokens)}
    usual = contest.Contender("the usual way", "config.wsgi", "bench.usual", contest.OWNER, load)
    ours = contest.Contender("this code", "config.wsgi", load=load)
    unlocked = contest.Contender("this code, policies off", "config.wsgi", "bench.unlocked", contest.OWNER, load)
    fast = contest.Contender(
        "FastAPI and asyncpg, same queries", "bench.fast:application", role=contest.OWNER, load=load, server="uvicorn"
    )
    floor = contest.Contender("floor (bare WSGI, same queries)", "bench.floor", role=contest.OWNER, load=load)
    contenders = [usual, ours, unlocked, fast, floor]
    contest.run(contenders, script="load.lua")
    ratios = [(ours, usual, 8), (ours, floor, 0.55), (ours, fast, None), (ours, unlocked, 0.88)]
    contest.tell("GET /v1/agents?perPage=25", contenders, ratios)
    contest.tell("The same, by processor time", [ours, unlocked], [(ours, unlocked, 1.12)], by="costs")
