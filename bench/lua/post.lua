-- The POST scenario for wrk: a 4 KiB body, the same for every request.
-- Setting the wrk.* fields (rather than a request() function) lets wrk build
-- the request once; Lua then costs nothing per request.
wrk.method = "POST"
wrk.body = string.rep("x", 4096)
wrk.headers["Content-Type"] = "application/octet-stream"
