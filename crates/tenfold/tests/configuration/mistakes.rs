//! A table of mistakes and what is said about them: the line, the column, what is wrong, and what to do.
//!
//! An expectation is the beginning of what is said. It ends after the message where the help is the gateway's own.

use tenfold::config::load_text;

/// What follows each of [`ADDED`].
const BASE: &str = r#"
[listener.web]
listen = "127.0.0.1:8080"
[[route]]
upstream = "app"
[upstream.app]
servers = ["10.0.0.1:80"]
"#;

/// Mistakes in what stands before [`BASE`].
#[rustfmt::skip]
const ADDED: &[(&str, &[&str])] = &[
    (r#"[[route]]
upstream = "app"
path = "/*""#, &["c:6:1: this route is never taken: `/*` matches the same requests and goes before it (remove one of them, or add a condition (method, header, query))"]),
    ("[limits]\nmax_body = 6_6hos", &["c:2:12: `6_6hos` is no value (write a number, or a text in quotes)"]),
    ("gatway = {}", &["c:1:1: there is no key `gatway` here (did you mean `gateway`?)"]),
    (r#"[gateway]
workers = 0"#, &["c:2:11: `workers` cannot be 0 (give a number from 1 to 1024)"]),
    (r#"[gateway]
workers = "four""#, &["c:2:11: `workers` takes a whole number, not a text (write the number without quotes)"]),
    (r#"[gateway]
workers = 1.5"#, &["c:2:11: `workers` takes a whole number from 0 (for example 4)"]),
    (r#"[gateway]
watch = "yes""#, &["c:2:9: `watch` takes `true` or `false`, not a text (write true or false, without quotes)"]),
    (r#"[gateway]
zone = "a b""#, &["c:2:8: `zone` cannot be `a b` (a name has 1 to 64 letters, digits, - _ and . and begins with a letter or digit)"]),
    (r#"[gateway]
drain_timeout = "25""#, &["c:2:17: `drain_timeout` cannot be `25` (give a time with its unit, for example 500ms, 10s, 2m or 1h)"]),
    (r#"[gateway]
drain_timeout = 25"#, &["c:2:17: `drain_timeout` takes a time, not a number (give a time with its unit, for example 500ms, 10s, 2m or 1h)"]),
    (r#"[gateway]
trusted_proxies = ["10.0.0.0/33"]"#, &["c:2:20: `trusted_proxies` cannot be `10.0.0.0/33` (give a network or an address, for example 10.0.0.0/8 or 192.168.1.5)"]),
    (r#"[gateway]
trusted_proxies = "10.0.0.0/8""#, &["c:2:19: `trusted_proxies` takes a list, not a text (write trusted_proxies = [ … ])"]),
    ("gateway = 1", &["c:1:11: `gateway` takes a table, not a number (write [gateway] and its keys below, or gateway = { … })"]),
    (r#"[admin]
listen = "0.0.0.0:9900""#, &[r#"c:2:10: the admin side at 0.0.0.0:9900 can be reached by others, and no token protects it (add token = "env:NAME" or "file:PATH", or listen on 127.0.0.1)"#]),
    (r#"[admin]
listen = "9900""#, &["c:2:10: `listen` cannot be `9900` (give an address and a port, for example 127.0.0.1:8080, or 0.0.0.0:8080 for all networks)"]),
    (r#"[admin]
token = "hunter2""#, &["c:2:9: `token` is not where a secret is (a secret is given as env:NAME or file:PATH, never as itself)"]),
    (r#"[admin]
token = "env:TENFOLD_TEST_UNSET""#, &["c:2:9: the environment variable TENFOLD_TEST_UNSET is not set (set it to at least 16 characters, for example from: openssl rand -hex 16)"]),
    (r#"[admin]
token = "file:none""#, &["c:2:9: cannot read none: no such file or directory (paths are relative to the file in which they are written)"]),
    (r#"[timeouts]
head = "25h""#, &["c:2:8: `head` cannot be `25h` (a time lies between 1ms and 24h)"]),
    (r#"[limits]
max_body = "10 apples""#, &["c:2:12: `max_body` cannot be `10 apples` (give a size in bytes or with its unit, for example 512KiB, 10MB or 4GiB)"]),
    (r#"[limits]
max_head = "1MiB""#, &["c:2:12: `max_head` is out of bounds (a head's limit lies between 1KiB and 64KiB)"]),
    (r#"[limits]
max_body = -1"#, &["c:2:12: `max_body` cannot be `-1` (give a size in bytes or with its unit, for example 512KiB, 10MB or 4GiB)"]),
    (r#"[limit.a]
rate = "-5/s""#, &["c:2:8: `rate` cannot be `-5/s` (give how many in what time, for example 100/s, 5000/m or 10/h)"]),
    (r#"[limit.a]
rate = "0/s""#, &["c:2:8: `rate` cannot be `0/s` (a rate is at least 1: leave the limit out, or answer with `respond`)"]),
    (r#"[limit.a]
rate = 100"#, &["c:2:8: `rate` takes a rate, not a number (give how many in what time, for example 100/s, 5000/m or 10/h)"]),
    (r#"[limit.a]
burst = 5"#, &["c:1:8: `rate` is missing (add rate = \"100/s\": how much each client may have over time)"]),
    (r#"[limit.a]
rate = "10/s"
burst = 0"#, &["c:3:9: a burst lies between 1 and 1000000000 (for example 100)"]),
    (r#"[limit.a]
rate = "1/d"
burst = 400"#, &["c:3:9: at this rate the burst takes more than a year to come back (raise the rate, or lower the burst)"]),
    (r#"[limit.a]
rate = "99000000/s""#, &["c:2:8: a rate is at most 10000000 per second (for example \"100/s\")"]),
    (r#"[limit.a]
rate = "10/s"
algorithm = "sliding_window"
window = "0s""#, &["c:4:10: `window` cannot be `0s` (a time lies between 1ms and 24h)"]),
    (r#"[limit.a]
rate = "2000000/s"
algorithm = "sliding_window""#, &["c:2:8: a window counts at most 1048574: take a token bucket, or a shorter window (take algorithm = \"token_bucket\", or a shorter window)"]),
    (r#"[limit.a]
rate = "10/s"
algorithm = "token-bucket""#, &["c:3:13: `algorithm` cannot be `token-bucket` (did you mean `token_bucket`?)"]),
    (r#"[limit.a]
algorithm = "concurrency""#, &["c:1:8: `in_flight` is missing (add in_flight = 10: how many requests may be under way at the same time)"]),
    (r#"[limit.a]
rate = "10/s"
key = "ip""#, &["c:3:7: `key` cannot be `ip` (give client_ip, header:NAME, cookie:NAME, route or global)"]),
    (r#"[limit.a]
rate = "10/s"
ipv6_prefix = 129"#, &["c:3:15: `ipv6_prefix` cannot be 129 (give a number from 0 to 128)"]),
    (r#"[limit.a]
rate = "10/s"
max_keys = 1"#, &["c:3:12: `max_keys` cannot be 1 (give a number from 64 to 50000000)"]),
    (r#"[limit.a]
rate = "10/s"
shared = true"#, &["c:3:10: the limit `a` is shared, and nothing says where (add [shared] with redis = \"redis://HOST:PORT\")"]),
    (r#"[limit.a]
default_tier = "basik"
[limit.a.tier.basic]
from = ["10.0.0.0/8"]
rate = "10/s""#, &["c:2:16: there is no tier `basik` (did you mean `basic`?)"]),
    (r#"[limit.a]
rate = "10/s"
[limit.a.tier.premium]
rate = "10/s""#, &["c:3:15: nobody is in the tier `premium` (say who with"]),
    (r#"[limit.a]
rate = "10/s"
[limit.a.tier.premium]
rate = "-1/s"
from = ["10.0.0.0/33"]"#, &["c:4:8: `rate` cannot be `-1/s`", "c:5:9: `from` cannot be `10.0.0.0/33`"]),
    (r#"[limit.a]
rate = "10/s"
[limit.a.tier.premium]
rate = "20/s"
api_keys = "0123456789abcdef""#, &["c:5:12: `api_keys` is not where a secret is"]),
    (r#"[limit.a]
rate = "10/s"
burst = 3
[[route]]
path = "/search"
respond = "x"
limit = { name = "a", cost = 5 }"#, &["c:7:30: a request costs 5 of the limit `a`, which allows 3 at once: all would be refused (raise its burst to at least 5, or lower the cost)"]),
    (r#"[limit.per-client]
rate = "10/s"
[[route]]
path = "/x"
respond = "x"
limit = "per_client""#, &["c:6:9: there is no limit `per_client` (did you mean `per-client`?)"]),
    (r#"[limit.a]
rate = "10/s"
[[route]]
path = "/x"
respond = "x"
limit = ["a", "a"]"#, &["c:6:15: the limit `a` stands twice in this route (give it once, with its `cost`)"]),
    (r#"[limit.a]
rate = "1/h"
algorithm = "sliding_window"
window = "1s""#, &[r#"c:2:8: in this `window` the rate is less than one request (give a longer window: one in which there is at least one request)"#]),
    (r#"[limit.a]
rate = "-1/s"
[[route]]
path = "/x"
upstream = "app"
limit = { name = "a", cost = 5 }"#, &[r#"c:2:8: `rate` cannot be `-1/s`"#]),
    (r#"[limit.a]
rate = "1/s"
[limit.a.tier.b]
rate = "0/s"
from = ["10.0.0.0/8"]
[[route]]
path = "/x"
upstream = "app"
limit = { name = "a" }"#, &[r#"c:4:8: `rate` cannot be `0/s`"#]),
    (r#"[limit.a]
rate = "10/0s""#, &[r#"c:2:8: `rate` cannot be `10/0s` (the time of a rate lies between 1ms and 366d)"#]),
    (r#"[limit.a]
rate = "10/s"
burst = -5"#, &[r#"c:3:9: `burst` takes a whole number from 0 (for example 4)"#]),
    (r#"[limit.a]
rate = "10/s"
burst = 2000000000"#, &[r#"c:3:9: a burst lies between 1 and 1000000000 (for example 100)"#]),
    (r#"[limit.a]
algorithm = "concurrency"
in_flight = 0"#, &[r#"c:3:13: `in_flight` cannot be 0 (give a number from 1 to 1000000000)"#]),
    (r#"[limit.a]
algorithm = "concurrency"
in_flight = 3
[[route]]
path = "/x"
upstream = "app"
limit = { name = "a", cost = 4 }"#, &[r#"c:7:30: a request costs 4 of the limit `a`, which allows 3 at once: all would be refused (raise its in_flight to at least 4, or lower the cost)"#]),
    (r#"[limit.a]
rate = "3/s"
algorithm = "sliding_window"
[[route]]
path = "/x"
upstream = "app"
limit = { name = "a", cost = 4 }"#, &[r#"c:7:30: a request costs 4 of the limit `a`, which allows 3 in a window: all would be refused (raise its rate to at least 4 per window, or lower the cost)"#]),
    (r#"[limit.a]
rate = "10/s"
burst = 9
[limit.a.tier.small]
rate = "1/s"
burst = 2
from = ["10.0.0.0/8"]
[[route]]
path = "/x"
upstream = "app"
limit = { name = "a", cost = 3 }"#, &[r#"c:11:30: a request costs 3 of the limit `a`, which allows 2 at once: all would be refused"#]),
    (r#"[limit.a]
rate = "10/s"
[[route]]
path = "/x"
upstream = "app"
limit = { name = "a", cost = 0 }"#, &[r#"c:6:30: `cost` cannot be 0 (give a number from 1 to 1000000)"#]),
    (r#"[limit.a]
default_tier = "basic""#, &[r#"c:2:16: there is no tier `basic` (add [limit.a.tier.basic])"#]),
    (r#"[limit.a]
default_tier = "b"
burst = 4
rate = "1/s"
tier.b = { rate = "1/s" }"#, &[r#"c:3:9: `burst` and `default_tier` both say what holds for those who are in no tier (leave one of them out)"#, r#"c:4:8: `rate` and `default_tier` both say what holds for those who are in no tier (leave one of them out)"#]),
    (r#"[limit.a]
rate = "1/s"
tier.b = { rate = "1/s", from = [] }"#, &[r#"c:3:6: nobody is in the tier `b` (say who with"#]),
    (r#"[limit.a]
rate = "1/s"
tier.b = { rate = "1/s", from = ["10.0.0.0/8"], priority = "high" }"#, &[r#"c:3:60: `priority` cannot be `high` (there are: `critical`, `normal`, `bulk`)"#]),
    (r#"[limit.a]
rate = "1/s"
tier."b c" = { rate = "1/s", from = ["10.0.0.0/8"] }"#, &[r#"c:3:6: `b c` cannot name a [tier]"#]),
    (r#"[limit.a]
rate = "1/s"
algorithm = "adaptive"
adaptive = { least = "0%", failures = "200%", latency = "0s", interval = "0s" }"#, &[r#"c:4:22: `least` is out of bounds (give a share above 0% and up to 100%, for example 10%)"#, r#"c:4:39: `failures` is out of bounds"#, r#"c:4:57: `latency` cannot be `0s`"#, r#"c:4:74: `interval` cannot be `0s`"#]),
    (r#"[limit.a]
rate = "1/s"
on_store_failure = "closd"
headers = "sometimes""#, &[r#"c:3:20: `on_store_failure` cannot be `closd` (did you mean `closed`?)"#, r#"c:4:11: `headers` cannot be `sometimes` (there are: `never`, `refused`, `always`)"#]),
    (r#"[database.shop]
listener = "db""#, &["c:1:2: `database` is not supported yet (leave it out: a later version brings it)"]),
    (r#"[listener.tls]
listen = ":443"
tls = { cert = "file:cert.pem" }"#, &["c:3:1: `tls` is not supported yet (leave it out: a later version brings it)"]),
    (r#"[listener.db]
listen = ":5432"
protocol = "postgres""#, &["c:3:12: `protocol` = `postgres` is not supported yet (the only value is `http`)"]),
    (r#"[listener.db]
listen = ":5432"
protocol = "htp""#, &["c:3:12: `protocol` cannot be `htp` (did you mean `http`?)"]),
    ("[listener.db]", &["c:1:1: `listen` is missing (add listen = …: Where to listen)"]),
    (r#"[listener."a b"]
listen = ":1""#, &["c:1:11: `a b` cannot name a [listener] (a name has 1 to 64 letters, digits, - _ and . and begins with a letter or digit)"]),
    (r#"[listener.two]
listen = "0.0.0.0:8080""#, &["c:4:10: 127.0.0.1:8080 is taken by [listener.two] already (choose another port)"]),
    (r#"[listener.two]
listen = "127.0.0.1:9900""#, &[r#"c:2:10: 127.0.0.1:9900 is taken by the admin side already (choose another port, or say where the admin side listens: [admin] listen = "127.0.0.1:9901")"#]),
    (r#"[listener.two]
listen = "127.0.0.1""#, &["c:2:10: `listen` cannot be `127.0.0.1` (give an address and a port, for example 127.0.0.1:8080, or 0.0.0.0:8080 for all networks)"]),
    (r#"[[route]]
path = "/a""#, &[r#"c:1:1: this route does nothing (say what becomes of its requests: upstream = "NAME", redirect, respond or files)"#]),
    (r#"[[route]]
upstream = "ap""#, &["c:2:12: there is no upstream `ap` (did you mean `app`?)"]),
    (r#"[[route]]
upstream = "something""#, &["c:2:12: there is no upstream `something` (the only upstream is `app`)"]),
    (r#"[[route]]
upstream = "app"
listener = "wep"
path = "/a""#, &["c:3:12: there is no listener `wep` (did you mean `web`?)"]),
    (r#"[[route]]
upstream = "app"
redirect = "/a""#, &["c:3:12: a route cannot have both `upstream` and `redirect` (keep one of them, or make two routes)"]),
    (r#"[[route]]
upstream = []"#, &["c:2:12: `upstream` is an empty list (leave the key out, or give at least one)"]),
    (r#"[[route]]
upstream = [{ name = "app", weight = 0 }]"#, &["c:2:12: all upstreams of this route have the weight 0 (give at least one a weight of 1 or more)"]),
    (r#"[[route]]
upstream = [{ name = "app" }, "app"]"#, &["c:2:31: the upstream `app` is given twice (give each once, with its weight)"]),
    (r#"[[route]]
upstream = [{ weight = 1 }]"#, &["c:2:13: `name` is missing (add name = …: The upstream's name)"]),
    (r#"[[route]]
upstream = [{ name = "app", wieght = 1 }]"#, &["c:2:29: there is no key `wieght` here (did you mean `weight`?)"]),
    (r#"[[route]]
upstream = "app"
path = "a""#, &["c:3:8: `path` cannot be `a` ("]),
    (r#"[[route]]
upstream = "app"
host = "http://a.example""#, &["c:3:8: `host` cannot be `http://a.example` ("]),
    (r#"[[route]]
upstream = "app"
method = "get""#, &["c:3:10: `method` cannot be `get` (methods are written in capitals: GET)"]),
    (r#"[[route]]
upstream = "app"
method = []"#, &["c:3:10: `method` is an empty list (leave the key out, or give at least one)"]),
    (r#"[[route]]
upstream = "app"
path = "/a"
timeout = "10 seconds"
cache = "pages""#, &[
        "c:4:11: `timeout` cannot be `10 seconds` (give a time with its unit, for example 500ms, 10s, 2m or 1h)",
        "c:5:9: there is no cache `pages` (add [cache.pages])",
    ]),
    (r#"[[route]]
upstream = "app"
header = { "x y" = "1" }"#, &[
        "c:3:12: `x y` is no name (the name of a field has letters, digits and -, for example x-frame-options)",
    ]),
    (r#"[[route]]
upstream = "app"
header = { a = "1", A = "2" }"#, &["c:3:21: `a` is given twice (keep one of them)"]),
    (r#"[[route]]
upstream = "app"
name = "x"
path = "/x"
[[route]]
upstream = "app"
name = "x"
path = "/y""#, &["c:7:8: two routes have the name `x` (rename one, or leave the name out)"]),
    (r#"[[route]]
path = "/users/{id}"
redirect = "/members/{uid}""#, &["c:3:12: `redirect` cannot be `/members/{uid}` ("]),
    (r#"[[route]]
path = ["/users/{id}", "/people"]
redirect = "/members/{id}""#, &["c:3:12: `redirect` cannot be `/members/{id}` ("]),
    (r#"[[route]]
path = "/a"
redirect = "/b/{rest}""#, &["c:3:12: `{rest}` is always empty: no path of this route ends with `/*` (end the path with /*, or leave {rest} out)"]),
    (r#"[[route]]
path = "/a"
redirect = { to = "/b", status = 200 }"#, &["c:3:34: 200 does not send a client elsewhere (give 301 or 308 (for good), 302 or 307 (for now), or 303 (to a GET))"]),
    (r#"[[route]]
path = "/a"
redirect = { status = 301 }"#, &["c:3:12: `to` is missing (add to = …: The `Location`: a template)"]),
    (r#"[[route]]
path = "/a"
redirect = "example.com""#, &["c:3:12: `redirect` goes to a URL or to a path (for example https://{host}{path}{query} or /new{path})"]),
    (r#"[[route]]
path = "/a"
redirect = "/a\r\nset-cookie: a""#, &["c:3:12: `redirect` has a character that a head cannot have (leave out line breaks, tabs and other control characters)"]),
    (r#"[[route]]
path = "/a"
respond = { status = 99 }"#, &["c:3:22: `status` cannot be 99 (give a number from 200 to 599)"]),
    (r#"[[route]]
path = "/a"
respond = { body = "a", body_file = "b" }"#, &["c:3:37: `respond` cannot have both `body` and `body_file` (keep one of them)"]),
    (r#"[[route]]
path = "/a"
respond = { body_file = "none" }"#, &["c:3:25: cannot read none: no such file or directory (paths are relative to the file in which they are written)"]),
    (r#"[[route]]
path = "/a"
respond = { status = 204, body = "a" }"#, &["c:3:11: a response with status 204 has no body (leave the body out, or use another status)"]),
    (r#"[[route]]
path = "/a"
files = { root = ".", index = "../secret" }"#, &["c:3:31: `index` takes a file below `root` (for example index.html, without / at the beginning)"]),
    (r#"[[route]]
path = "/a"
files = { indx = "a" }"#, &[
        "c:3:9: `root` is missing (add root = …: The folder that `/` stands for, after the path was edited)",
        "c:3:11: there is no key `indx` here (did you mean `index`?)",
    ]),
    (r#"[[route]]
upstream = "app"
path = "/a/*"
strip = "a/""#, &["c:4:9: `strip` cannot be `a/` (give the beginning of a path, for example /api, without / at the end)"]),
    (r#"[[route]]
upstream = "app"
path = "/a/*"
strip = "/a"
rewrite = "/b""#, &[r#"c:5:11: a route cannot have both `strip` and `rewrite` (rewrite = "/{rest}" does both)"#]),
    (r#"[[route]]
upstream = "app"
path = "/a/*"
rewrite = "b""#, &["c:4:11: `rewrite` cannot be `b` (a path begins with /, for example /v2/{rest})"]),
    (r#"[[route]]
upstream = "app"
path = "/a"
request_headers = { set = { content-length = "1" }, remove = ["a b"] }"#, &[
        "c:4:29: `content-length` is written by the gateway alone (leave it out: it belongs to one connection or to a message's length)",
        "c:4:63: `remove` cannot be `a b` (the name of a field has letters, digits and -, for example x-frame-options)",
    ]),
    (r#"[[route]]
upstream = "app"
path = "/a"
response_headers = { set = { a = "{nope}", "b:" = "c" } }"#, &[
        "c:4:34: `a` cannot be `{nope}` (",
        "c:4:44: `b:` is no name of a field (the name of a field has letters, digits and -, for example x-frame-options)",
    ]),
    (r#"[[route]]
upstream = "app"
path = "/a"
mirror = { upstream = "shadow", share = "110%" }"#, &[
        "c:4:23: there is no upstream `shadow` (the only upstream is `app`)",
        "c:4:41: `share` is out of bounds (give a share from 0% to 100%, for example 10%)",
    ]),
    (r#"[[route]]
upstream = "app"
path = "/a"
mirror = { upstream = "app", share = "ten" }"#, &["c:4:38: `share` cannot be `ten` (give a share, for example 50% or 0.5)"]),
    ("[upstream.b]", &[r#"c:1:11: the upstream `b` has no servers (add servers = ["HOST:PORT"], or discover = { dns = "NAME:PORT" })"#]),
    (r#"[upstream.b]
servers = []"#, &["c:2:11: `servers` is an empty list (leave the key out, or give at least one)"]),
    (r#"[upstream.b]
servers = ["https://b:443"]"#, &["c:2:12: `servers` cannot be `https://b:443` (TLS to servers is not supported yet: use http://)"]),
    (r#"[upstream.b]
servers = ["b"]"#, &["c:2:12: `servers` cannot be `b` (the port is missing; for example b:3000)"]),
    (r#"[upstream.b]
servers = ["b:99999"]"#, &["c:2:12: `servers` cannot be `b:99999` (a port lies between 1 and 65535; for example b:3000)"]),
    (r#"[upstream.b]
servers = ["http://b/app"]"#, &["c:2:12: `servers` cannot be `http://b/app` (a server has no path: give HOST:PORT, and let requests bring the path)"]),
    (r#"[upstream.b]
servers = ["unix:app.sock"]"#, &["c:2:12: `servers` cannot be `unix:app.sock` (a Unix socket is given by its whole path: unix:/run/app.sock)"]),
    (r#"[upstream.b]
servers = ["10.0.0.256:80"]"#, &["c:2:12: `servers` cannot be `10.0.0.256:80` (give a host as an address or a name, for example 10.0.0.11:3000 or app.internal:3000)"]),
    (r#"[upstream.b]
servers = [3000]"#, &["c:2:12: `servers` takes a server, not a number (the port is missing; for example app.internal:3000)"]),
    (r#"[upstream.b]
servers = ["b:1", "http://b:1/"]"#, &["c:2:19: the server `http://b:1/` is given twice (give each once; more requests come with a larger `weight`)"]),
    (r#"[upstream.b]
servers = [{ address = "b:1", weight = 0 }]"#, &["c:2:11: all servers of `b` have the weight 0 (give at least one a weight of 1 or more)"]),
    (r#"[upstream.b]
servers = [{ address = "b:1", weight = 1000001 }]"#, &["c:2:40: `weight` cannot be 1000001 (give a number from 0 to 1000000)"]),
    (r#"[upstream.b]
servers = ["127.0.0.1:8080"]"#, &["c:2:12: the server `127.0.0.1:8080` is this gateway itself ([listener.web]): requests would go in a circle (give the address of your service, or listen on another port)"]),
    (r#"[upstream.b]
servers = ["localhost:9900"]"#, &["c:2:12: the server `localhost:9900` is this gateway's admin side (give the address of your service, or listen on another port)"]),
    (r#"[upstream.b]
servers = ["b:1"]
balance = "least_requests""#, &["c:3:11: `balance` cannot be `least_requests` (did you mean `least_request`?)"]),
    (r#"[upstream.b]
servers = ["b:1"]
balance = "maglev"
hash = "ip"
bounded_load = 0.5"#, &[
        "c:4:8: `hash` cannot be `ip` (give client_ip, header:NAME, cookie:NAME or target)",
        "c:5:16: `bounded_load` is out of bounds (give a number from 1, for example 1.25: a quarter more than its share)",
    ]),
    (r#"[upstream.b]
servers = ["b:1"]
priority = "bulk""#, &["c:3:1: `priority` is not supported yet (leave it out: a later version brings it)"]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { attempts = 0 }"#, &[r#"c:3:22: `attempts` cannot be 0 (give a number from 1 to 10)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { budget = "-20%" }"#, &[r#"c:3:20: `budget` cannot be `-20%` (give a share, for example 50% or 0.5)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { budget = { share = -0.2 } }"#, &[r#"c:3:30: `share` is out of bounds (give a share from 0% to 1000%, for example 20%: a fifth more attempts than requests)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { on = ["conect", 600] }"#, &[r#"c:3:17: `on` cannot be `conect` (did you mean `connect`?)"#, r#"c:3:27: `on` cannot be `600` (give codes from 100 to 599, for example 200, 200-399 or 200,204)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { backoff = "1s", longest_backoff = "100ms" }"#, &[r#"c:3:45: `longest_backoff` is shorter than `backoff` (the longest wait is at least as long as the first one)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { replay = "1GiB" }"#, &[r#"c:3:20: `replay` is out of bounds (give at most 16MiB: it is kept in memory for each request under way)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { atempts = 3 }"#, &[r#"c:3:11: there is no key `atempts` here (did you mean `attempts`?)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
breaker = { failures = "0%", trials = 0, window = "1h" }"#, &[r#"c:3:24: `failures` is out of bounds (give a share from 1% to 100%, for example 50%)"#, r#"c:3:39: `trials` cannot be 0 (give a number from 1 to 1000000)"#, r#"c:3:51: `window` of a breaker is out of bounds (give a time from 1s to 5m)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
breaker = { open = "2m" , longest_open = "1m", per = "server" }"#, &[r#"c:3:42: `longest_open` is shorter than `open` (give the same or a longer time: it is the bound of one that grows)"#, r#"c:3:54: `per` cannot be `server` (there are: `both`, `endpoint`, `upstream`)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
hedge = { after = "10%" }"#, &[r#"c:3:19: `after` is out of bounds (give a percentile from 50% to 99.9%, for example 95%)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { on = ["200-599", 301, 404] }"#, &[r#"c:3:17: `on` cannot be `200-599` (give codes from 400 to 599: below, nothing has failed)"#, r#"c:3:28: `on` cannot be `301` (give codes from 400 to 599: below, nothing has failed)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { attempts = 11, backoff = "0s", per_try_timeout = "-1s" }"#, &[r#"c:3:22: `attempts` cannot be 11 (give a number from 1 to 10)"#, r#"c:3:36: `backoff` cannot be `0s`"#, r#"c:3:60: `per_try_timeout` cannot be `-1s`"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = { budget = { share = "20%", least = 5000 } }"#, &[r#"c:3:45: `least` cannot be 5000 (give a number from 0 to 1000)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
retry = "yes""#, &[r#"c:3:9: `retry` takes `true`, `false` or a table, not a text (write true for the defaults)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
hedge = { after = "100%", least = "0ms" }"#, &[r#"c:3:19: `after` is out of bounds (give a percentile from 50% to 99.9%, for example 95%)"#, r#"c:3:35: `least` cannot be `0ms`"#]),
    (r#"[upstream.b]
servers = ["b:1"]
breaker = { slow = "0s", least_requests = 0, consecutive = -1 }"#, &[r#"c:3:20: `slow` cannot be `0s`"#, r#"c:3:43: `least_requests` cannot be 0 (give a number from 1 to 1000000)"#, r#"c:3:60: `consecutive` takes a whole number from 0"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = { limit = 0 }"#, &[r#"c:3:25: `limit` cannot be 0 (give a number from 1, or "adaptive"; without `concurrency` there is no limit)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = "adaptve""#, &[r#"c:3:15: `concurrency` cannot be `adaptve` (give a number from 1, or "adaptive")"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = { limit = 3000000 }"#, &[r#"c:3:25: `limit` is out of bounds (give a number from 1 to 2097151)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = { queue = 5 }"#, &[r#"c:3:15: `limit` is missing"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = { limit = 5, queue = 2000000, queue_timeout = "0s", reserve = "95%" }"#, &[r#"c:3:36: `queue` cannot be 2000000 (give a number from 0 to 1000000)"#, r#"c:3:61: `queue_timeout` cannot be `0s`"#, r#"c:3:77: `reserve` is out of bounds (give a share from 0% to 90%, for example 10%)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = { limit = "adaptive", min = 10, max = 5 }"#, &[r#"c:3:43: `min` is 10, and `max` only 5 (the lowest limit cannot be above the highest one)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
concurrency = { limit = "adaptive", min = 0 }"#, &[r#"c:3:43: `min` cannot be 0 (give a number from 1 to 2097151)"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
concurrency = { limit = -1 }"#, &[r#"c:4:25: `limit` cannot be -1"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
priority = "high""#, &[r#"c:4:12: `priority` cannot be `high` (there are: `critical`, `normal`, `bulk`)"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
priority_header = "x y""#, &[r#"c:4:19: `priority_header` cannot be `x y` (the name of a field"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
priority_header = { name = "X-P", from = "anybody" }"#, &[r#"c:4:42: `from` cannot be `anybody` (did you mean `anyone`?)"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
priority_header = { from = "anyone" }"#, &[r#"c:4:19: `name` is missing"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
deadline = "0s"
deadline_header = "x y""#, &[r#"c:4:12: `deadline` cannot be `0s` (a time lies between 1ms and 24h)"#, r#"c:5:19: `deadline_header` cannot be `x y`"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = "stael""#, &[r#"c:4:12: `fallback` cannot be `stael` (did you mean `stale`?)"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = "stale""#, &[r#"c:4:12: `"stale"` needs a cache, and this route has none (add cache = "NAME" to the route)"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = []"#, &[r#"c:4:12: `fallback` is an empty list (leave the key out, or give at least one)"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = { status = 503 }"#, &[r#"c:4:12: a `fallback` is one of `"stale"`, `upstream` and `file` (for several write a list"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = { upstream = "app", file = "c" }"#, &[r#"c:4:12: a `fallback` is one of `"stale"`, `upstream` and `file`"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = [{ file = "none.html" }, { upstream = "ap" }]"#, &[r#"c:4:22: cannot read none.html: no such file or directory"#, r#"c:4:50: there is no upstream `ap` (did you mean `app`?)"#]),
    (r#"[upstream.b]
discover = {}"#, &[r#"c:2:12: `discover` takes exactly one of `dns`, `srv` and `file` for each source (for several write a list: discover = [{ dns = "app.internal:3000" }, { file = "/etc/app.servers" }])"#]),
    (r#"[upstream.b]
discover = { dns = "b:1", file = "f" }"#, &[r#"c:2:12: `discover` takes exactly one of `dns`, `srv` and `file` for each source (for several write a list: discover = [{ dns = "app.internal:3000" }, { file = "/etc/app.servers" }])"#]),
    (r#"[upstream.b]
discover = { dns = "10.0.0.1:1" }"#, &["c:2:20: `dns` cannot be `10.0.0.1:1` (an address needs no look-up: put it into `servers`)"]),
    (r#"[upstream.b]
discover = { srv = "_http._tcp.b:80" }"#, &["c:2:20: `srv` takes the whole name of a service (for example _http._tcp.app.internal, without a port)"]),
    (r#"[upstream.b]
servers = ["b:1"]
health = { every = "1s" }"#, &[r#"c:3:10: `health` does not say what is asked (add path = "/healthz", or tcp = true to see only whether it takes connections)"#]),
    (r#"[upstream.b]
servers = ["b:1"]
health = { tcp = true, path = "/" }"#, &["c:3:31: `path` cannot be asked for with `tcp = true` (leave out one of the two)"]),
    (r#"[upstream.b]
servers = ["b:1"]
health = { path = "/", every = "1s", timeout = "2s" }"#, &["c:3:48: `timeout` of a probe is longer than `every` (a probe ends before the next one begins)"]),
    (r#"[upstream.b]
servers = ["b:1"]
health = { path = "healthz", status = "2xx", rise = 0, port = 70000 }"#, &[
        "c:3:19: `path` cannot be `healthz` (a path begins with / and has no spaces, for example /healthz)",
        "c:3:39: `status` cannot be `2xx` (give codes from 100 to 599, for example 200, 200-399 or 200,204)",
        "c:3:53: `rise` cannot be 0 (give a number from 1 to 1000)",
        "c:3:63: `port` cannot be 70000 (give a number from 1 to 65535)",
    ]),
    (r#"[upstream.b]
servers = ["b:1"]
outlier = { max_ejected = "200%", eject = "10m", longest = "1m" }"#, &[
        "c:3:27: `max_ejected` is out of bounds (give a share from 0% to 100%)",
        "c:3:60: `longest` is shorter than `eject` (the longest ejection is at least as long as the first one)",
    ]),
    (r#"[upstream.b]
servers = ["b:1"]
outlier = "off""#, &["c:3:11: `outlier` takes `true`, `false` or a table, not a text (write true for the defaults)"]),
    (r#"[upstream.b]
servers = ["b:1"]
sticky = { cookie = "a b" }"#, &["c:3:21: `cookie` cannot be `a b` (a cookie's name has letters, digits, - and _, for example tenfold-shop)"]),
    (r#"[upstream.b]
servers = ["b:1"]
overprovision = "50%"
panic = 2
zones = "a""#, &[
        "c:3:17: `overprovision` is out of bounds (give a share from 100%, for example 140%)",
        "c:4:9: `panic` is out of bounds (give a share from 0% to 100%)",
    ]),
    (r#"include = "a.toml""#, &["c:1:11: cannot read a.toml: no such file or directory (give a file that exists and that this user may read)"]),
    (r#"include = ["none.toml"]"#, &["c:1:12: cannot read none.toml: no such file or directory (give a file that exists and that this user may read)"]),
    ("include = [1]", &[r#"c:1:12: `include` takes a list of paths, not a number (for example include = ["conf.d/*.toml"])"#]),
];

/// Mistakes of whole files.
#[rustfmt::skip]
const WHOLE: &[(&str, &[&str])] = &[
    ("", &[r#"c: there is nothing in it (the smallest configuration is: [listener.web] listen = "0.0.0.0:8080" [[route]] upstream = "app" [upstream.app] servers = ["127.0.0.1:3000"])"#]),
    (r#"# only a comment
"#, &[r#"c: there is nothing in it (the smallest configuration is: [listener.web] listen = "0.0.0.0:8080" [[route]] upstream = "app" [upstream.app] servers = ["127.0.0.1:3000"])"#]),
    (r#"[[route]]
respond = "a""#, &[r#"c: there is no listener: nothing could connect (add [listener.web] with listen = "0.0.0.0:8080")"#]),
    ("[listener]", &[r#"c: there is no listener: nothing could connect (add [listener.web] with listen = "0.0.0.0:8080")"#]),
    (r#"[listener.web]
listen = ":1"
listen = ":2""#, &["c:3:1: `listen` is given twice (keep one of them; a further route is a further [[route]])"]),
    (r#"[listener.web]
listen = ":1"
[listener.web]"#, &["c:3:11: `web` is given twice (keep one of them; a further route is a further [[route]])"]),
    (r#"[listener.web]
listen = localhost"#, &[r#"c:2:10: `localhost` is no value (a text stands in quotes: "localhost")"#]),
    (r#"[listener.web
listen = ":1""#, &["c:1:14: this is no TOML: unclosed table (close the bracket)"]),
    (r#"[listener.web]
listen = "#, &["c:2:10: there is no value (write KEY = VALUE, with texts in quotes)"]),
    ("a = [1, 2", &["c:1:10: this is no TOML: unclosed array (close the bracket)"]),
    (r#"[upstream.a]
servers = "10.0.0.1:1""#, &[r#"c: there is no listener: nothing could connect (add [listener.web] with listen = "0.0.0.0:8080")"#]),
    ("\0", &[
        "c:1:1: this is no TOML: invalid unquoted key, expected letters, numbers, `-`, `_` (write KEY = VALUE, [TABLE] or [[route]], with texts in quotes (TOML, see https://toml.io))",
        "c:1:2: this is no TOML: key with no value, expected `=` (write KEY = VALUE, [TABLE] or [[route]], with texts in quotes (TOML, see https://toml.io))",
    ]),
    (r#"route = 3
[listener.web]
listen = ":1""#, &["c:1:9: `route` takes a table, not a number (write [[route]], and its keys below)"]),
];

/// What is told, but does not keep anything from working; before [`BASE`].
#[rustfmt::skip]
const WARNINGS: &[(&str, &[&str])] = &[
    (r#"[limit.a]
rate = "1/s"
shared = true
store_timeout = "5s"
[shared]
redis = "redis://127.0.0.1:1"
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:4:17: `store_timeout` is longer than 500ms, and a connection waits no longer (a time like 5ms is usual"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
fallback = [{ upstream = "app" }]"#, &[r#"c:4:26: this `fallback` asks the upstream that has just failed (name another one"#]),
    (r#"[limit.a]
rate = "10/m"
algorithm = "sliding_window"
window = "10s"
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:2:8: in this `window` the rate is 1.67 requests: 2 are allowed (give a window in which it is a whole number)"#]),
    (r#"[limit.a]
rate = "30/m"
algorithm = "sliding_window"
max_keys = 50000000
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:4:12: the limit `a` may come to take 12.3 GiB of memory: a window of up to 32 requests remembers each of them (lower max_keys, or"#]),
    (r#"[limit.a]
rate = "10/m"
key = ["client_ip", "global", "client_ip"]
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:3:21: `global` has no effect: what else is in `key` tells clients apart"#, r#"c:3:31: `client_ip` stands twice in `key` (leave one out)"#]),
    (r#"[limit.a]
algorithm = "concurrency"
in_flight = 3
rate = "1/s"
burst = 2
tier.b = { in_flight = 3, rate = "1/s", burst = 2, from = ["10.0.0.0/8"] }
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:4:8: `rate` has no effect: what is under way has no rate"#, r#"c:5:9: `burst` has no effect: only a token bucket has a burst"#, r#"c:6:34: `rate` has no effect: what is under way has no rate"#, r#"c:6:49: `burst` has no effect"#]),
    (r#"[limit.a]
rate = "1/s"
in_flight = 2
on_store_failure = "open"
window = "1s"
tier.b = { rate = "1/s", in_flight = 3, from = ["10.0.0.0/8"] }
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:3:13: `in_flight` has no effect: it is for algorithm = "concurrency""#, r#"c:4:20: `on_store_failure` has no effect: the limit is not shared"#, r#"c:5:10: `window` has no effect: only a sliding window has one"#, r#"c:6:38: `in_flight` has no effect"#]),
    (r#"[limit.a]
rate = "1/s"
tier.b = { rate = "1/s", header = { x-plan = "b" } }
[[route]]
path = "/x"
upstream = "app"
limit = "a""#, &[r#"c:3:35: `header` has no effect: it is believed only from trusted proxies, and there are none"#]),
    (r#"[[route]]
path = "/x"
upstream = "app"
concurrency = { limit = 5, min = 2, queue = 0, queue_timeout = "1s" }"#, &[r#"c:4:34: `min` has no effect: the limit is fixed (leave it out)"#, r#"c:4:64: `queue_timeout` has no effect: nobody may wait (leave it out)"#]),
    (r#"[[route]]
path = "/x"
respond = "x"
concurrency = 5
priority = "bulk"
fallback = { upstream = "app" }
deadline = "1s""#, &[r#"c:4:15: `concurrency` has no effect: the gateway answers"#, r#"c:5:12: `priority` has no effect: the gateway answers"#, r#"c:6:12: `fallback` has no effect: the gateway answers"#, r#"c:7:12: `deadline` has no effect: the gateway answers"#]),
    (r#"[upstream.b]
servers = ["b:1"]"#, &[r#"c:1:11: no route uses the upstream `b` (add upstream = "b" to a [[route]], or remove it)"#]),
    (r#"include = ["conf.d/*.toml"]"#, &["c:1:12: no file matches `conf.d/*.toml` (paths are relative to the file that includes them)"]),
    (r#"[[route]]
path = "/a"
respond = "a"
strip = "/a"
timeout = "1s""#, &[
        "c:4:9: `strip` has no effect: the gateway answers (leave it out)",
        "c:5:11: `timeout` has no effect: the gateway answers (leave it out)",
    ]),
    (r#"[[route]]
upstream = "app"
path = ["/a", "/a"]
strip = "/b""#, &[
        "c:3:15: `/a` stands twice in `path` (leave one out)",
        "c:4:9: no path of this route begins with `/b` (`strip` takes off what the paths begin with)",
    ]),
    (r#"[[route]]
path = "/f/*"
files = "none""#, &["c:3:9: none does not exist (until it does every answer is 404)"]),
    (r#"[upstream.app2]
servers = ["b:1"]
hash = "target"
bounded_load = 1.5
[[route]]
path = "/a"
upstream = "app2""#, &[
        "c:3:8: `hash` has no effect: only ring_hash and maglev hash what they are told (leave it out)",
        "c:4:16: `bounded_load` has no effect: only ring_hash and maglev have a bound (leave it out)",
    ]),
    (r#"[upstream.app2]
discover = { file = "none" }
[[route]]
path = "/a"
upstream = "app2""#, &["c:2:21: none does not exist (until it does it has no servers)"]),
];

fn compare(text: &str, said: &[String], expected: &[&str]) {
    assert_eq!(said.len(), expected.len(), "{text}\n{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(
            said.starts_with(expected),
            "{text}\nsaid:     {said}\nexpected: {expected}"
        );
        let help = said.rsplit_once(" (").map(|(_, help)| help);
        assert!(help.is_some_and(|help| help.len() > 5), "no help: {said}");
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_would_be_right() {
    for (text, expected) in ADDED {
        let text = format!("{text}{BASE}");
        let errors = load_text("c", text.as_bytes()).expect_err(&text);
        compare(&text, &errors.lines(), expected);
    }
    for (text, expected) in WHOLE {
        let errors = load_text("c", text.as_bytes()).expect_err(text);
        compare(text, &errors.lines(), expected);
    }
}

#[test]
fn what_looks_wrong_but_works_is_a_warning() {
    for (text, expected) in WARNINGS {
        let text = format!("{text}{BASE}");
        let loaded = load_text("c", text.as_bytes()).expect(&text);
        compare(&text, &loaded.warnings.lines(), expected);
    }
    let idle = "[listener.two]\nlisten = ':8081'\n[listener.web]\nlisten = ':8080'\n\
                [[route]]\nlistener = 'web'\nrespond = 'a'";
    let loaded = load_text("c", idle.as_bytes()).expect("works");
    let expected = "c:1:11: [listener.two] has no route: it answers 404 to everything (add a [[route]] with listener = \"two\")";
    assert_eq!(loaded.warnings.lines(), [expected]);
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = "[gateway]\nworkers = 0\nwach = true\n[listener.web]\nlisten = '80'\n[[route]]\nupstream = 'a'\ntimeout = 1\n[upstream.b]\n";
    let errors = load_text("c", text.as_bytes()).expect_err("wrong");
    let lines: Vec<_> = errors
        .lines()
        .iter()
        .map(|line| line[..4].to_owned())
        .collect();
    assert_eq!(lines, ["c:2:", "c:3:", "c:5:", "c:7:", "c:8:", "c:9:"]);
}

#[test]
fn what_is_no_text_and_what_is_too_deep_is_refused() {
    let errors = load_text("c", b"a = 1\n\xFF").expect_err("no UTF-8");
    assert_eq!(
        errors.lines(),
        [
            "c: c is no text in UTF-8: line 2 has the byte 0xff (save it as UTF-8; is this the right file?)"
        ]
    );
    let deep = format!("a = {}", "[".repeat(1_000_000));
    let dotted = format!("{}b = 1", "a.".repeat(100_000));
    let tables = format!("a = {}", "{ a = ".repeat(100_000));
    for text in [deep, dotted, tables] {
        let errors = load_text("c", text.as_bytes()).expect_err("too deep");
        assert!(
            errors.lines()[0].contains("nested too deeply"),
            "{errors:?}"
        );
    }
    let large = vec![b'#'; (16 << 20) + 1];
    let errors = load_text("c", &large).expect_err("too large");
    assert!(errors.lines()[0].starts_with("c: c is larger than 16 MiB ("));
}

#[test]
fn thousands_of_mistakes_are_counted() {
    let text = "[[route]]\nupstream = 'a'\n".repeat(5000);
    let errors = load_text("c", text.as_bytes()).expect_err("wrong");
    assert_eq!(errors.len(), 5001);
    let lines = errors.lines();
    assert_eq!(lines.len(), 51);
    assert_eq!(lines[50], "and 4951 more");
    assert!(errors.to_string().ends_with("and 4951 more\n"));
}

#[test]
fn a_mistake_is_drawn_with_its_line_and_a_caret() {
    let text = "[listener.web]\nlisten = \":1\"\nlisten = \":2\"\n";
    let errors = load_text("shop.toml", text.as_bytes()).expect_err("twice");
    // No colours: standard error of a test is no terminal, or NO_COLOR has to be set for it to be one.
    let expected = r#"error: `listen` is given twice
 --> shop.toml:3:1
  |
3 | listen = ":2"
  | ^^^^^^
 ::: shop.toml:2:1
  |
2 | listen = ":1"
  | ------ first here
  = help: keep one of them; a further route is a further [[route]]
"#;
    let drawn = errors.to_string();
    if !drawn.contains('\u{1b}') {
        assert_eq!(drawn, expected);
    }
}

#[test]
fn what_a_file_says_does_not_reach_the_terminal_raw() {
    let text = "\"\\u001b[31m\\n\" = 1\n[listener.web]\nlisten = \":1\" # \u{202e}\n";
    let errors = load_text("c", text.as_bytes()).expect_err("wrong");
    for line in errors.lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    assert!(!errors.to_string().contains("\u{1b}[31m\n"));
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let text = format!("[admin]\ntoken = \"hunter2-hunter2-hunter2\"\n{BASE}");
    let errors = load_text("c", text.as_bytes()).expect_err("wrong");
    assert!(!errors.to_string().contains("hunter2"));
    assert!(!errors.lines()[0].contains("hunter2"));
    assert!(!errors.to_json().to_string().contains("hunter2"));
}
