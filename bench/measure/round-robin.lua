-- wrk's script: one cookie after the other, one a call. `wrk ... -- FILE`, a cookie a line.
local requests = {}
local turn = 0

function init(args)
  for cookie in io.lines(args[1]) do
    local headers = { cookie = cookie }
    for name, value in pairs(wrk.headers) do
      if name:lower() ~= 'cookie' then headers[name] = value end
    end
    requests[#requests + 1] = wrk.format('GET', nil, headers)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
