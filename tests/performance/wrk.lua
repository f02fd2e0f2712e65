-- Sends the requests of a file, one after the other and then from the start: a line each, with method, path, token and
-- body between tabs. In a body {n} stands for a text that no other request of any run has: the second argument and a
-- number.
local requests, sent, unique = {}, 0, ""

function init(arguments)
  unique = arguments[2]
  for line in io.lines(arguments[1]) do
    local method, path, token, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
    local headers = {["Authorization"] = "Bearer " .. token}
    if body ~= "" then headers["Content-Type"] = "application/json" end
    requests[#requests + 1] = {method, path, headers, body}
  end
end

function request()
  local each = requests[sent % #requests + 1]
  sent = sent + 1
  local body = each[4] ~= "" and each[4]:gsub("{n}", unique .. sent) or nil
  return wrk.format(each[1], each[2], each[3], body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answered": %d, "seconds": %f, "refused": %d, "broken": %d, "p50": %f, "p95": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
