//! Directives that need no translation or have none: what is said about them, as a table.

use crate::import::ledger::Weight;

const STREAMED: &str = "bodies are streamed, and buffers size themselves";
const ITSELF: &str = "the gateway does this by itself";
const SERVICE: &str = "whatever starts the program decides this";
const MEDIA: &str = "media types of files are built in";
const HTTP11: &str = "connections are kept, in HTTP/1.1";
const JSON: &str = "the access log has one line of JSON per request";
const NAMES: &str = "the system's name servers are asked, again when a name's time to live is over";

const LIMITS: &str =
    "write [limit.NAME] with its rate, and limit = \"NAME\" in a route (docs/rate-limits.md)";
const CACHE: &str =
    "responses of servers are cached with [cache.NAME], and cache = \"NAME\" in a route";
const TLS: &str = "comes with TLS, not supported yet";
const COMPRESSION: &str = "compression is not supported yet; servers may compress what they send";
const RESILIENCE: &str = "retry of an upstream says what is tried again (docs/resilience.md)";
const CONCURRENCY: &str = "concurrency = { limit = …, queue = … } of an upstream is for all of its servers together (docs/overload.md)";
const SERVER_TLS: &str = "TLS to servers is not supported yet";
const CODE: &str = "code is not run by the gateway: move it into the service";
const GATEWAYS: &str =
    "only HTTP is spoken to servers: put a server that speaks HTTP in front of the application";
const PAGES: &str = "error pages are not supported yet: clients get the server's or a plain text";
const EDITS: &str = "bodies are not changed: let the service send what clients should get";
const ACCESS: &str =
    "access control is not supported yet: keep it in the service, or in front of the gateway";

/// Names (those with `*` stand for all that begin so), weight and advice. The first that fits counts.
const TABLE: &[(&[&str], Weight, &str)] = &[
    (
        &[
            "sendfile*",
            "tcp_nopush",
            "tcp_nodelay",
            "aio*",
            "directio*",
            "postpone_output",
            "reset_timedout_connection",
            "multi_accept",
            "use",
            "accept_mutex*",
            "worker_aio_requests",
            "events",
            "http",
            "server_names_hash*",
            "types_hash*",
            "variables_hash*",
            "map_hash*",
            "proxy_headers_hash*",
            "pcre_jit",
            "thread_pool",
            "open_file_cache*",
            "etag",
            "if_modified_since",
            "lingering_*",
            "keepalive_disable",
            "chunked_transfer_encoding",
            "merge_slashes",
            "absolute_redirect",
            "port_in_redirect",
            "server_name_in_redirect",
            "http2_*",
            "disable_symlinks",
            "msie_*",
            "max_ranges",
            "ignore_invalid_headers",
            "underscores_in_headers",
            "server_tokens",
            "zone",
            "proxy_ignore_client_abort",
            "proxy_socket_keepalive",
            "proxy_pass_request_headers",
            "proxy_pass_request_body",
            "proxy_pass_header",
            "worker_connections",
            "keepalive_requests",
            "keepalive_time",
            "proxy_limit_rate",
            "proxy_force_ranges",
        ],
        Weight::Unneeded,
        ITSELF,
    ),
    (
        &[
            "proxy_buffer*",
            "proxy_busy_buffers_size",
            "proxy_temp_*",
            "proxy_max_temp_file_size",
            "proxy_request_buffering",
            "client_body_buffer_size",
            "client_header_buffer_size",
            "client_body_temp_path",
            "client_body_in_*",
            "output_buffers",
            "connection_pool_size",
            "request_pool_size",
            "send_timeout",
            "subrequest_output_buffer_size",
            "read_ahead",
            "send_lowat",
            "large_client_header_buffers",
        ],
        Weight::Unneeded,
        STREAMED,
    ),
    (
        &[
            "user",
            "pid",
            "daemon",
            "master_process",
            "worker_rlimit_*",
            "worker_priority",
            "worker_cpu_affinity",
            "timer_resolution",
            "lock_file",
            "error_log",
            "load_module",
            "env",
            "debug_*",
            "working_directory",
            "ssl_engine",
        ],
        Weight::Unneeded,
        SERVICE,
    ),
    (
        &[
            "types",
            "default_type",
            "charset*",
            "override_charset",
            "source_charset",
        ],
        Weight::Unneeded,
        MEDIA,
    ),
    (&["proxy_http_version"], Weight::Unneeded, HTTP11),
    (
        &[
            "log_format",
            "log_not_found",
            "log_subrequest",
            "rewrite_log",
            "open_log_file_cache",
        ],
        Weight::Unneeded,
        JSON,
    ),
    (&["resolver", "resolver_timeout"], Weight::Unneeded, NAMES),
    (
        &["limit_req_log_level", "limit_conn_log_level"],
        Weight::Unneeded,
        JSON,
    ),
    (&["limit_req*", "limit_conn*"], Weight::Differs, LIMITS),
    (
        &["limit_rate*"],
        Weight::Differs,
        "bytes per second are not limited",
    ),
    (&["max_conns", "queue"], Weight::Differs, CONCURRENCY),
    (
        &[
            "proxy_cache*",
            "proxy_no_cache",
            "proxy_store*",
            "fastcgi_cache*",
            "uwsgi_cache*",
            "scgi_cache*",
            "proxy_ignore_headers",
        ],
        Weight::Differs,
        CACHE,
    ),
    (
        &["slice"],
        Weight::Differs,
        "what is cached is stored whole, and ranges are cut from it",
    ),
    (
        &[
            "ssl_verify_client",
            "ssl_verify_depth",
            "ssl_client_certificate",
            "ssl_trusted_certificate",
            "ssl_crl",
        ],
        Weight::Security,
        TLS,
    ),
    (
        &["ssl*", "http2", "http3*", "quic*", "listen"],
        Weight::Differs,
        TLS,
    ),
    (
        &["gzip*", "brotli*", "zstd*", "gunzip*"],
        Weight::Differs,
        COMPRESSION,
    ),
    (&["proxy_next_upstream*"], Weight::Differs, RESILIENCE),
    (&["proxy_ssl*"], Weight::Differs, SERVER_TLS),
    (
        &[
            "allow",
            "deny",
            "auth_*",
            "satisfy",
            "internal",
            "access_by_lua*",
            "secure_link*",
            "modsecurity*",
            "limit_except",
            "js_access",
            "referer_*",
            "valid_referers",
            "geoip*",
            "geo",
        ],
        Weight::Security,
        ACCESS,
    ),
    (
        &["*_by_lua*", "lua_*", "js_*", "perl*", "subs_filter*"],
        Weight::Differs,
        CODE,
    ),
    (
        &["fastcgi_*", "uwsgi_*", "scgi_*", "grpc_*", "memcached_*"],
        Weight::Differs,
        GATEWAYS,
    ),
    (
        &[
            "error_page",
            "recursive_error_pages",
            "proxy_intercept_errors",
        ],
        Weight::Differs,
        PAGES,
    ),
    (
        &[
            "sub_filter*",
            "add_before_body",
            "add_after_body",
            "addition_types",
            "ssi*",
            "image_filter*",
            "xslt*",
            "proxy_set_body",
        ],
        Weight::Differs,
        EDITS,
    ),
    (
        &["stream"],
        Weight::Differs,
        "TCP and UDP listeners are not supported yet",
    ),
    (&["mail"], Weight::Differs, "mail is not supported"),
    (
        &["stub_status"],
        Weight::Differs,
        "the admin side has metrics: GET /metrics, tenfold status, tenfold top",
    ),
    (
        &["autoindex*", "random_index"],
        Weight::Differs,
        "folders are not listed: make an index.html, or let a service list them",
    ),
    (
        &["proxy_redirect", "proxy_cookie_*"],
        Weight::Differs,
        "`Location` and `Set-Cookie` of servers are passed on as they are; tell the service its public address",
    ),
    (
        &["proxy_method"],
        Weight::Differs,
        "methods are not changed",
    ),
    (
        &["dav_*", "create_full_put_path"],
        Weight::Differs,
        "files are only read: let a service write them",
    ),
    (
        &["map"],
        Weight::Differs,
        "maps are not supported: write a route for each case (host, path, method, header, query)",
    ),
    (
        &["split_clients"],
        Weight::Differs,
        "write a split: upstream = [{ name = \"…\", weight = 95 }, { name = \"…\", weight = 5 }]",
    ),
    (
        &[
            "set",
            "if",
            "rewrite",
            "break",
            "uninitialized_variable_warn",
        ],
        Weight::Differs,
        "write a route for each case (host, path, method, header, query)",
    ),
    (
        &["proxy_bind"],
        Weight::Differs,
        "the address that servers see is the kernel's choice",
    ),
    (
        &["include"],
        Weight::Differs,
        "no such file: import where it is, or import it on its own, and look for what it protects",
    ),
    (
        &["real_ip_header", "real_ip_recursive"],
        Weight::Unneeded,
        "X-Forwarded-For and Forwarded of trusted_proxies are believed",
    ),
    (&["add_trailer"], Weight::Differs, "trailers are not added"),
];

/// What is said about a directive that is not translated.
pub(super) fn advice(name: &str) -> (Weight, &'static str) {
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        _ if pattern.starts_with('*') => name.contains(pattern.trim_matches('*')),
        Some(start) => name.starts_with(start),
        None => name == *pattern,
    };
    let found = TABLE.iter().find(|(names, ..)| names.iter().any(&fits));
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

    #[test]
    fn names_and_beginnings() {
        assert_eq!(advice("sendfile").0, Weight::Unneeded);
        assert_eq!(advice("ssl_verify_client").0, Weight::Security);
        assert_eq!(advice("ssl_protocols").1, TLS);
        assert_eq!(advice("content_by_lua_block").1, CODE);
        assert_eq!(advice("access_by_lua_block").0, Weight::Security);
        assert!(advice("frobnicate").1.starts_with("not known"));
    }
}
