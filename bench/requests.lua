-- wrk: each request is the next of the lines `token path` in the file that REQUESTS names.
local tokens, paths = {}, {}
for line in io.lines(os.getenv("REQUESTS")) do
  local token, path = line:match("^(%S+) (%S+)$")
  tokens[#tokens + 1], paths[#paths + 1] = "Bearer " .. token, path
end
local turn = 0
request = function()
  turn = turn % #paths + 1
  return wrk.format("GET", paths[turn], {["Authorization"] = tokens[turn]})
end
