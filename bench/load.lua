-- wrk: each request carries the next of the tokens in the file that TOKENS names.
local tokens = {}
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end
local turn = 0
request = function()
  turn = turn % #tokens + 1
  return wrk.format("GET", "/v1/agents?perPage=25", {["Authorization"] = tokens[turn]})
end
