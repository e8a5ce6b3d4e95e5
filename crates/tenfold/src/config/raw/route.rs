//! Routes, as they are written.

use tenfold_traffic::resilience::priority::Priority;

use super::upstream::Concurrency;
use crate::config::raw::limit;
use crate::config::read::table;
use crate::config::scalar::{
    Count, FieldName, FieldValue, FilePath, Method, Share, Size, Text, Time, choices,
};
use crate::config::shape::{List, Named, OneOrMore};

table! {
    /// Which requests go where. Exactly one of `upstream`, `redirect`, `respond` and `files` says what becomes of them.
    pub(crate) struct Route {
        /// Its name in metrics and logs. Made of host and path if it is missing.
        name: Text,
        /// The listeners that it is for, by name. Without it all.
        listener: OneOrMore<Text>,
        /// The hosts that it is for: `shop.example.com`, or `*.example.com` for all below it. Without it all.
        host: OneOrMore<Text>,
        /// The paths that it is for: `/a` exactly, `/a/*` for `/a` and all below it, `/users/{id}/*` with a capture.
        path: OneOrMore<Text> = "/*",
        /// The methods that it is for; `GET` holds for `HEAD` also. Without it all.
        method: OneOrMore<Method>,
        /// What the request's fields must be: `"*"` present, `"!"` absent, `"text*"` begins with, else equals. All have to hold.
        header: Named<Text>,
        /// What the parameters of the query must be: the same tests.
        query: Named<Text>,

        /// The upstream that answers, by name; or several with their shares:
        /// `[{ name = "shop", weight = 95 }, { name = "shop-next", weight = 5 }]`.
        upstream: OneOrMore<Split>,
        /// The client is sent elsewhere.
        redirect: Redirect,
        /// The gateway answers.
        respond: Respond,
        /// A file is the answer.
        files: Files,

        /// A beginning that is taken off the path: with `/api` the server sees `/v1` instead of `/api/v1`.
        strip: Text,
        /// What the server sees as the path: a template, as `/v2/{rest}`.
        rewrite: Text,
        /// Changes to the request's fields.
        request_headers: Edits,
        /// Changes to the response's fields.
        response_headers: Edits,
        /// For the server to begin its response, in each attempt. Without it `response` of `[timeouts]`.
        timeout: Time,
        /// From a request's arrival until its response begins, over all attempts, queues and waits. Without it `deadline` of
        /// `[timeouts]`. `grpc-timeout` of a request shortens it.
        deadline: Time,
        /// A field in which a client says how long it will wait (`1500`, in ms, or `2s`): it shortens the deadline, and never makes
        /// it longer.
        deadline_header: FieldName,
        /// Without any progress of a body. Without it `body` of `[timeouts]`.
        body_timeout: Time,
        /// Without a byte in an upgraded connection (WebSocket). Without it `tunnel` of `[timeouts]`.
        tunnel_timeout: Time,
        /// Largest request body. Without it `max_body` of `[limits]`.
        max_body: Size,
        /// Where a copy of some requests goes, whose response nobody sees.
        mirror: Mirror,
        /// The cache that may answer, by name.
        cache: Text,
        /// The limits that all have to let a request go on, by name; or with what it costs of them:
        /// `["per-client", { name = "search", cost = 5 }]`.
        limit: OneOrMore<limit::Charge>,
        /// What is answered when all else fails (no server, too much to do, too late, 500, 502, 503, 504), in this order: `"stale"`,
        /// `{ upstream = "backup" }`, `{ file = "sorry.html", status = 503 }`.
        fallback: OneOrMore<Fallback>,
        /// How many of its requests may be under way, and how many may wait. Without it there is no limit but the upstream's.
        concurrency: Concurrency,
        /// How much its requests matter: what is given up first when there is more than can be done.
        priority: PriorityName = "normal",
        /// A field by which requests say themselves how much they matter: `critical`, `normal` or `bulk`. Others have the `priority` of the route.
        priority_header: PriorityHeader,
    }
    later ["retry"]
}

table! {
    /// An upstream and its share of a route's requests.
    pub(crate) struct Split short name {
        /// The upstream's name.
        name: Text => required,
        /// Its share in proportion to the others; 0 gets nothing.
        weight: Count = 1,
    }
}

table! {
    /// An answer for when all else fails: exactly one of `answer`, `upstream` and `file`.
    pub(crate) struct Fallback short answer {
        /// `"stale"`: what the route's cache has, however old.
        answer: FallbackAnswer,
        /// The name of another upstream that is asked, if the request may be sent again.
        upstream: Text,
        /// A file whose content is the answer. It is read when the configuration is.
        file: FilePath,
        /// The status that goes with `file`, 200 to 599.
        status: Count = 503,
        /// `Content-Type` of `file`. Without it by the name's ending: `.html`, `.json`, else text.
        content_type: FieldValue,
    }
}

choices! {
    /// What can be answered without more words.
    pub(crate) enum FallbackAnswer {
        /// What the route's cache has, however old.
        Stale = "stale",
    }
    later []
}

choices! {
    /// How much requests matter.
    pub(crate) enum PriorityName {
        /// Given up last.
        Critical = "critical",
        /// What most requests are.
        Normal = "normal",
        /// Given up first.
        Bulk = "bulk",
    }
    later []
}

impl PriorityName {
    /// What it means.
    pub(crate) fn priority(self) -> Priority {
        match self {
            Self::Critical => Priority::Critical,
            Self::Normal => Priority::Normal,
            Self::Bulk => Priority::Bulk,
        }
    }
}

table! {
    /// A field by which requests say how much they matter.
    pub(crate) struct PriorityHeader short name {
        /// Its name.
        name: FieldName => required,
        /// Whose word is taken.
        from: PriorityFrom = "trusted_proxies",
    }
}

choices! {
    /// Whose word is taken for how much a request matters.
    pub(crate) enum PriorityFrom {
        /// That of `trusted_proxies`: anybody could call his requests critical.
        TrustedProxies = "trusted_proxies",
        /// Everybody's, where only one's own clients come.
        Anyone = "anyone",
    }
    later []
}

table! {
    /// Where the client is sent.
    pub(crate) struct Redirect short to {
        /// The `Location`: a template. `{host}`, `{path}`, `{query}` (with its `?`), `{rest}` (what the `*` of the path stands for),
        /// `{client_ip}`, `{request_id}`, and the captures of the path.
        to: Text => required,
        /// 301, 302, 303, 307 or 308.
        status: Count = 308,
    }
}

table! {
    /// A fixed answer.
    pub(crate) struct Respond short body {
        /// 200 to 599.
        status: Count = 200,
        /// The body.
        body: Text,
        /// A file whose content is the body. It is read when the configuration is.
        body_file: FilePath,
        /// `Content-Type`.
        content_type: FieldValue = "text/plain; charset=utf-8",
    }
}

table! {
    /// Files of a folder. Nothing outside of it is ever served.
    pub(crate) struct Files short root {
        /// The folder that `/` stands for, after the path was edited.
        root: FilePath => required,
        /// What is served for a folder.
        index: FilePath = "index.html",
        /// What is served, with status 200, for a path that has no file: for applications that route in the browser.
        fallback: FilePath,
        /// `Cache-Control` of the files.
        cache_control: FieldValue,
    }
}

table! {
    /// Changes to fields (headers): first `remove`, then `set`, then `add`. Values are templates.
    pub(crate) struct Edits {
        /// Fields that replace all of the same name.
        set: Named<Text>,
        /// Fields that are added to those of the same name.
        add: Named<Text>,
        /// Fields that are left out.
        remove: List<FieldName>,
    }
}

table! {
    /// Where a copy of some requests goes.
    pub(crate) struct Mirror short upstream {
        /// The upstream's name.
        upstream: Text => required,
        /// Of the requests.
        share: Share = "100%",
    }
}
