"""`GET /v1/agents?perPage=25`, authenticated: this code, the usual way, FastAPI with asyncpg, and the floor."""

from pathlib import Path

from bench import contest, data


def main(data_dir: Path) -> None:
    print(f"The list of agents: {data.AGENCIES} agencies, {data.AGENTS} agents, {data.PARTNERS} partners.")
    tokens = data_dir / "tokens"
    tokens.write_text("\n".join(data.load()))
    load = {"TOKENS": str(tokens)}
    usual = contest.Contender("the usual way", "config.wsgi", "bench.usual", load)
    ours = contest.Contender("this code", "config.wsgi", load=load)
    floor = contest.Contender("floor (bare WSGI, same queries)", "bench.floor", load=load)
    fast = contest.Contender("FastAPI and asyncpg, same queries", "bench.fast:application", load=load, server="uvicorn")
    contenders = [usual, ours, fast, floor]
    contest.run(contenders, script="load.lua")
    contest.tell("GET /v1/agents?perPage=25", contenders, [(ours, usual, 8), (ours, floor, 0.55), (ours, fast, None)])
