//! What a block passes on to the blocks in it, by nginx's rules: a list (headers, access) is inherited as a whole, and only
//! if the inner block has none of its own; a single value unless the inner block says otherwise.

use super::parse::Directive;

/// The settings that are in force in a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Level<'d> {
    pub(super) set_headers: Vec<&'d Directive>,
    pub(super) add_headers: Vec<&'d Directive>,
    pub(super) hidden_headers: Vec<&'d Directive>,
    /// `allow` and `deny`, in their order.
    pub(super) access: Vec<&'d Directive>,
    /// Everything else that lets only some in.
    pub(super) guards: Vec<&'d Directive>,
    pub(super) root: Option<&'d Directive>,
    pub(super) index: Option<&'d Directive>,
    pub(super) expires: Option<&'d Directive>,
    pub(super) default_type: Option<&'d Directive>,
    pub(super) max_body: Option<&'d Directive>,
    pub(super) connect_timeout: Option<&'d Directive>,
    pub(super) read_timeout: Option<&'d Directive>,
    pub(super) send_timeout: Option<&'d Directive>,
    pub(super) body_timeout: Option<&'d Directive>,
    pub(super) mirrors: Vec<&'d Directive>,
    pub(super) limit_reqs: Vec<&'d Directive>,
    pub(super) limit_req_status: Option<&'d Directive>,
    pub(super) limit_req_dry_run: Option<&'d Directive>,
    pub(super) limit_conns: Vec<&'d Directive>,
    pub(super) limit_conn_status: Option<&'d Directive>,
    pub(super) limit_conn_dry_run: Option<&'d Directive>,
    pub(super) next_upstream: Option<&'d Directive>,
    pub(super) next_upstream_tries: Option<&'d Directive>,
    pub(super) next_upstream_timeout: Option<&'d Directive>,
    pub(super) cache: Option<&'d Directive>,
    pub(super) cache_valid: Vec<&'d Directive>,
    pub(super) cache_key: Option<&'d Directive>,
    pub(super) cache_bypass: Option<&'d Directive>,
    pub(super) no_cache: Option<&'d Directive>,
    pub(super) cache_use_stale: Option<&'d Directive>,
    /// What else is said of the cache, each name once.
    pub(super) cache_others: Vec<&'d Directive>,
}

/// What is said of the cache and has no equal, or needs none.
const CACHE_OTHERS: &[&str] = &[
    "proxy_cache_background_update",
    "proxy_cache_convert_head",
    "proxy_cache_lock",
    "proxy_cache_lock_age",
    "proxy_cache_lock_timeout",
    "proxy_cache_max_range_offset",
    "proxy_cache_methods",
    "proxy_cache_min_uses",
    "proxy_cache_purge",
    "proxy_cache_revalidate",
    "proxy_ignore_headers",
];

/// True for directives that a level holds; they are translated by whoever uses them.
pub(super) fn is_held(name: &str) -> bool {
    HELD.contains(&name) || CACHE_OTHERS.contains(&name)
}

/// Names of directives that a level holds, but for those of [`CACHE_OTHERS`].
const HELD: &[&str] = &[
    "proxy_set_header",
    "add_header",
    "proxy_hide_header",
    "allow",
    "deny",
    "root",
    "index",
    "expires",
    "default_type",
    "client_max_body_size",
    "proxy_connect_timeout",
    "proxy_read_timeout",
    "proxy_send_timeout",
    "client_body_timeout",
    "mirror",
    "limit_req",
    "limit_req_status",
    "limit_req_dry_run",
    "limit_conn",
    "limit_conn_status",
    "limit_conn_dry_run",
    "proxy_next_upstream",
    "proxy_next_upstream_tries",
    "proxy_next_upstream_timeout",
    "proxy_cache",
    "proxy_cache_valid",
    "proxy_cache_key",
    "proxy_cache_bypass",
    "proxy_no_cache",
    "proxy_cache_use_stale",
];

/// True for what lets only some in, apart from `allow` and `deny`. `off` takes an inherited one away.
pub(super) fn is_guard(directive: &Directive) -> bool {
    match directive.name.as_str() {
        "auth_basic" | "auth_request" | "auth_jwt" | "ssl_verify_client" | "auth_digest" => true,
        "auth_ldap" | "auth_pam" | "auth_gss" | "js_access" | "auth_oidc" | "auth_require" => true,
        name => name.starts_with("access_by_lua") || name.starts_with("secure_link"),
    }
}

impl<'d> Level<'d> {
    /// The level of a block within this one.
    pub(super) fn inner(&self, directives: &'d [Directive]) -> Self {
        let mut level = self.clone();
        let all = |name: &'static str| directives.iter().filter(move |one| one.name == name);
        for (list, name) in [
            (&mut level.set_headers, "proxy_set_header"),
            (&mut level.add_headers, "add_header"),
            (&mut level.hidden_headers, "proxy_hide_header"),
            (&mut level.mirrors, "mirror"),
            (&mut level.limit_reqs, "limit_req"),
            (&mut level.limit_conns, "limit_conn"),
            (&mut level.cache_valid, "proxy_cache_valid"),
        ] {
            if all(name).next().is_some() {
                *list = all(name).collect();
            }
        }
        let access: Vec<_> = directives
            .iter()
            .filter(|one| matches!(one.name.as_str(), "allow" | "deny"))
            .collect();
        if !access.is_empty() {
            level.access = access;
        }
        for guard in directives.iter().filter(|one| is_guard(one)) {
            level.guards.retain(|other| other.name != guard.name);
            let is_off = matches!(guard.first(), "off") && guard.block.is_none();
            if !is_off {
                level.guards.push(guard);
            }
        }
        for own in directives {
            if CACHE_OTHERS.contains(&own.name.as_str()) {
                level.cache_others.retain(|other| other.name != own.name);
                level.cache_others.push(own);
            }
        }
        for (single, name) in [
            (&mut level.root, "root"),
            (&mut level.index, "index"),
            (&mut level.expires, "expires"),
            (&mut level.default_type, "default_type"),
            (&mut level.max_body, "client_max_body_size"),
            (&mut level.connect_timeout, "proxy_connect_timeout"),
            (&mut level.read_timeout, "proxy_read_timeout"),
            (&mut level.send_timeout, "proxy_send_timeout"),
            (&mut level.body_timeout, "client_body_timeout"),
            (&mut level.limit_req_status, "limit_req_status"),
            (&mut level.limit_req_dry_run, "limit_req_dry_run"),
            (&mut level.limit_conn_status, "limit_conn_status"),
            (&mut level.limit_conn_dry_run, "limit_conn_dry_run"),
            (&mut level.next_upstream, "proxy_next_upstream"),
            (&mut level.next_upstream_tries, "proxy_next_upstream_tries"),
            (
                &mut level.next_upstream_timeout,
                "proxy_next_upstream_timeout",
            ),
            (&mut level.cache, "proxy_cache"),
            (&mut level.cache_key, "proxy_cache_key"),
            (&mut level.cache_bypass, "proxy_cache_bypass"),
            (&mut level.no_cache, "proxy_no_cache"),
            (&mut level.cache_use_stale, "proxy_cache_use_stale"),
        ] {
            if let Some(own) = all(name).next_back() {
                *single = Some(own);
            }
        }
        level
    }

    /// Whether some are kept out, and whether all are.
    pub(super) fn access(&self) -> Access {
        let first = self.access.first();
        let denies_all = first.is_some_and(|one| one.name == "deny" && one.first() == "all");
        let denies = self
            .access
            .iter()
            .take_while(|one| !(one.name == "allow" && one.first() == "all"))
            .any(|one| one.name == "deny");
        // With `satisfy any` a password opens what an address does not.
        match (
            denies_all && self.guards.is_empty(),
            denies || !self.guards.is_empty(),
        ) {
            (true, _) => Access::Nobody,
            (false, true) => Access::Some,
            (false, false) => Access::All,
        }
    }
}

/// Who gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    All,
    /// By rules that have no equal.
    Some,
    Nobody,
}
