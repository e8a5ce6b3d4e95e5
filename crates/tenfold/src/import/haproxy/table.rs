//! Lines that need no translation or have none: what is said about them, as a table.

use crate::import::ledger::Weight;

const ITSELF: &str = "the gateway does this by itself";
const SERVICE: &str = "whatever starts the program decides this";
const LOG: &str = "the access log is access_log of [gateway], one line of JSON per request";
const NAMES: &str = "the system's name servers are asked, again when a name's time to live is over";

const LIMITS: &str =
    "write [limit.NAME] with its rate, and limit = \"NAME\" in a route (docs/rate-limits.md)";
const CACHE: &str = "write [cache.NAME], and cache = \"NAME\" in the routes: memory is total-max-size, max_object is max-object-size, max_lifetime is max-age";
const TLS: &str = "comes with TLS, not supported yet";
const COMPRESSION: &str = "compression is not supported yet; servers may compress what they send";
const RESILIENCE: &str = "retry of an upstream says what is tried again (docs/resilience.md)";
const QUEUES: &str = "max_connections of [gateway] is for each worker; concurrency of a route bounds its requests (docs/overload.md)";
const PAGES: &str = "error pages are not supported yet: clients get the server's or a plain text";
const CODE: &str = "code is not run by the gateway: move it into the service";
const STATS: &str = "the admin side has this: tenfold status, tenfold top, GET /metrics";
const ACCESS: &str =
    "access control is not supported yet: keep it in the service, or in front of the gateway";
const TCP: &str = "only HTTP is spoken yet; TCP listeners come later";

/// First words, with a comma in between (those with `*` stand for all that begin so), weight and advice. The first entry that
/// fits counts.
const TABLE: &[(&str, Weight, &str)] = &[
    (
        "option httplog, option tcplog, option dontlognull, option logasap, \
         option dontlog-normal, option log-*, log, log-format*, log-tag, capture, \
         http-request capture, error-log-format, no log, option socket-stats, option httpslog, \
         unique-id-*, http-request set-log-level, http-response set-log-level, \
         http-response capture",
        Weight::Unneeded,
        LOG,
    ),
    (
        "option http-keep-alive, option http-server-close, option httpclose, option forceclose, \
         option http-pretend-keepalive, option http-tunnel, option forwardfor, option forwarded, \
         option http-use-htx, option http-buffer-request, option abortonclose, option tcpka, \
         option clitcpka, option srvtcpka, option splice*, option tcp-smart*, option nolinger, \
         option http-ignore-probes, option http-no-delay, option contstats, \
         option idle-close-on-response, option prefer-last-server, option accept-invalid-*, \
         option h1-*, option http-restrict-*, option disable-h2-upgrade, \
         option independent-streams, http-reuse, fullconn, id, description, enabled, mode http, \
         load-server-state*, server-state-file*, grace, no option*, timeout check, \
         timeout queue, timeout client-fin, timeout server-fin, timeout tarpit, \
         option checkcache, option allbackups, max-keep-alive-queue, tcp-request inspect-delay, \
         tcp-request content accept, tcp-request connection accept, email-alert*, bind-process, \
         http-check disable-on-404, option log-health-checks, backlog, monitor fail, \
         http-request normalize-uri, http-request wait-for-body, http-request set-priority*, \
         http-request set-nice, http-request set-mark, http-request set-tos, \
         http-request disable-l7-retry, http-response set-mark, http-response set-tos, \
         http-request set-timeout, persist, rate-limit*",
        Weight::Unneeded,
        ITSELF,
    ),
    (
        "user, group, uid, gid, chroot, daemon, pidfile, ulimit-n, nbproc, cpu-map, \
         master-worker, stats socket, stats timeout, stats maxconn, tune.*, node, localpeer, \
         spread-checks, maxpipes, no*poll, nosplice, nogetaddrinfo, noreuseport, external-check, \
         insecure-*, set-dumpable, zero-warning, strict-limits, presetenv, setenv, resetenv, \
         unsetenv, default-path, busy-polling, max-spread-checks, mworker-*, thread-groups, \
         h1-*, expose-*, profiling*, numa-*, hold, nameserver, resolve_retries, \
         parse-resolv-conf, accepted_payload_size",
        Weight::Unneeded,
        SERVICE,
    ),
    (
        "resolvers, timeout resolve, timeout retry",
        Weight::Unneeded,
        NAMES,
    ),
    (
        "maxconn, maxconnrate, maxsessrate, maxcomp*, maxssl*",
        Weight::Differs,
        QUEUES,
    ),
    (
        "stick-table, stick, http-request track-sc*, tcp-request connection track-sc*, \
         tcp-request content track-sc*, tcp-request session track-sc*, http-request sc-*, peers, \
         peer, table, http-response track-sc*, http-response sc-*, tcp-response*, \
         tcp-request content sc-*, rate-limit",
        Weight::Differs,
        LIMITS,
    ),
    (
        "http-request cache-use, http-response cache-store, cache, filter cache, total-max-size, \
         max-object-size, max-age, process-vary, max-secondary-entries",
        Weight::Differs,
        CACHE,
    ),
    (
        "ssl-*, ca-base, crt-base, crt-store, issuers-chain-path",
        Weight::Differs,
        TLS,
    ),
    (
        "compression, filter compression",
        Weight::Differs,
        COMPRESSION,
    ),
    ("retries, retry-on", Weight::Differs, RESILIENCE),
    (
        "option redispatch",
        Weight::Unneeded,
        "what is tried again goes to another server at once",
    ),
    (
        "errorfile, errorloc*, errorfiles, http-errors, http-error",
        Weight::Differs,
        PAGES,
    ),
    (
        "lua-*, http-request lua*, http-response lua*, http-request use-service, filter*, \
         program, command, option external-check, external-check*, fcgi-app, use-fcgi-app, \
         http-request send-spoe-group",
        Weight::Differs,
        CODE,
    ),
    (
        "stats*, http-request use-service prometheus-exporter",
        Weight::Differs,
        STATS,
    ),
    (
        "userlist, http-request auth, tcp-request*, http-request allow, http-request reject, \
         http-request silent-drop, http-request tarpit, http-request deny, block, \
         http-response deny, group, http-response reject, reqdeny, reqideny, reqtarpit",
        Weight::Security,
        ACCESS,
    ),
    (
        "mode, option tcp-check, tcp-check, option mysql-check, option redis-check, \
         option pgsql-check, option smtpchk, option ldap-check, option ssl-hello-chk",
        Weight::Differs,
        TCP,
    ),
    (
        "mailers, mailer, ring, log-forward, traces",
        Weight::Differs,
        "not supported: watch the metrics of the admin side",
    ),
    (
        "http-request set-var*, http-response set-var*, set-var*, http-request unset-var",
        Weight::Differs,
        "routes have no variables: write a route for each case",
    ),
    (
        "http-request replace-*, http-response replace-*, reqrep, reqirep, rsprep, rspirep",
        Weight::Differs,
        "only a prefix of the path is replaced (strip, rewrite); fields are set as a whole (set, add, remove)",
    ),
    (
        "http-request set-src*, http-request set-dst*",
        Weight::Differs,
        "the client's address is taken from X-Forwarded-For of trusted_proxies",
    ),
    (
        "use-server, force-persist, ignore-persist",
        Weight::Differs,
        "an upstream chooses by itself: make an upstream of the server, and a route for the case",
    ),
    (
        "use_backend",
        Weight::Differs,
        "write a route for each case (host, path, method, header, query)",
    ),
    ("acl", Weight::Unneeded, "no rule uses it"),
    (
        "redirect, http-request redirect",
        Weight::Differs,
        "write a route with redirect = \"…\"",
    ),
    (
        ".if, .elif, .else, .endif, .notice, .warning, .alert, .diag",
        Weight::Security,
        "conditions on the start are not known when importing: both sides were taken; look which one is meant",
    ),
    ("default-server", Weight::Unneeded, "no server uses it"),
    (
        "dispatch, transparent, option transparent, option http_proxy, source",
        Weight::Differs,
        "clients are sent to servers of upstreams only",
    ),
    (
        "option httpchk, http-check",
        Weight::Differs,
        "no server asks for checks (`check`)",
    ),
];

/// What is said about a line that is not translated.
pub(super) fn advice(words: &[String]) -> (Weight, &'static str) {
    let line = words.join(" ");
    let fits = |pattern: &str| match pattern.split_once('*') {
        Some((start, "")) => line.starts_with(start),
        Some((start, end)) => line.starts_with(start) && line.ends_with(end),
        None => line
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '('])),
    };
    let found = TABLE.iter().find(|(names, ..)| names.split(", ").any(fits));
    match found {
        Some((_, weight, advice)) => (*weight, advice),
        None => (
            Weight::Differs,
            "not known to this program: look whether you need it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> (Weight, &'static str) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        advice(&words)
    }

    #[test]
    fn lines() {
        assert_eq!(of("option httplog").0, Weight::Unneeded);
        assert_eq!(of("option forwardfor except 127.0.0.0/8").1, ITSELF);
        assert_eq!(of("http-request track-sc0 src").1, LIMITS);
        assert_eq!(of("tcp-request connection reject if x").0, Weight::Security);
        assert_eq!(of("stats socket /run/x").1, SERVICE);
        assert_eq!(of("stats enable").1, STATS);
        assert!(of("frobnicate").1.starts_with("not known"));
    }
}
