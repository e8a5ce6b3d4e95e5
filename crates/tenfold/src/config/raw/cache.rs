//! Caches, and what gateways share, as they are written.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::{Read, Reader, table};
use crate::config::scalar::{
    CookieName, FieldName, FilePath, Lifetime, Network, PlainName, RedisSource, Share, Size, Text,
    Time, choices,
};
use crate::config::shape::{List, Named, OneOrMore};
use crate::config::tree::{Kind, Node};

table! {
    /// Where responses are kept, and by which rules: those of RFC 9111 for a cache that many clients share, with what is said here.
    /// docs/caching.md explains it. Routes name a cache with `cache`; what one route stored is never served on another.
    pub(crate) struct Cache {
        /// Most bytes in memory: bodies, fields, keys and overhead.
        memory: Size = "256MiB",
        /// The largest body that is stored. Without it 64MiB, or what `memory` can hold in one piece if that is less.
        max_object: Size,
        /// A level on disk, which outlives the process.
        disk: Disk,
        /// Whether there is a level in the Redis of `[shared]`, which all gateways with this cache use together.
        shared: bool = false,
        /// Networks whose `PURGE` requests are obeyed; all others get 403.
        purge_from: List<Network>,

        /// Which parameters of the query tell one response from another: `"all"`, `"none"`, `{ only = ["page", "sort"] }` or
        /// `{ except = ["utm_*"] }`.
        query: Query = "all",
        /// Leaves out the parameters by which advertisers follow people: `utm_*`, `gclid`, `fbclid` and the like.
        ignore_tracking: bool = false,
        /// Takes parameters in another order for the same. The server must, too.
        sort_query: bool = false,
        /// Fields of the request whose values tell one response from another, besides what `Vary` of the response names.
        key_headers: List<FieldName>,
        /// Cookies whose values tell one response from another.
        key_cookies: List<CookieName>,
        /// Requests that go past the cache.
        bypass: Bypass,

        /// Replaces what the server says, for statuses below 400 that it allows to be stored without `no-cache`.
        lifetime: Lifetime,
        /// When the server says nothing and nothing can be guessed, for statuses for which RFC 9110 allows a guess.
        default_lifetime: Lifetime = "0s",
        /// Lengthens shorter lifetimes, under the same conditions as `lifetime`.
        min_lifetime: Lifetime = "0s",
        /// Shortens longer lifetimes.
        max_lifetime: Lifetime,
        /// When the server says nothing, by status: `{ "404" = "10s", "5xx" = "1s" }`. Of several that fit the narrowest counts.
        status_lifetime: Named<Lifetime>,
        /// By up to how much of itself a lifetime is shortened at random, so that what was stored together does not expire together.
        jitter: Share = "0%",
        /// How long a stale response is served while a new one is fetched, when the server says nothing about it.
        stale_while_revalidate: Lifetime = "0s",
        /// How long a stale response is served when the server fails (no answer, 500, 502, 503, 504), when the server says nothing
        /// about it.
        stale_if_error: Lifetime = "0s",
        /// What becomes of responses with `Set-Cookie` that do not say `public`.
        set_cookie: SetCookie = "refuse",
        /// Whether clients can make the cache ask the server, by `no-cache`, `max-age` and the like in `Cache-Control` of a request.
        /// `no-store` and `only-if-cached` have an effect in any case.
        honor_request: bool = true,
    }
}

table! {
    /// A cache's level on disk.
    pub(crate) struct Disk {
        /// A folder of its own, as an absolute path. It is made if it is not there.
        path: FilePath => required,
        /// Most bytes in it, at least 1MiB.
        size: Size => required,
    }
}

table! {
    /// Requests that go past the cache: those for which any of these holds.
    pub(crate) struct Bypass {
        /// Fields of the request: `"*"` present, else equals.
        header: Named<Text>,
        /// Cookies that are present, by name; `wordpress_*` for all that begin so.
        cookie: OneOrMore<Text>,
        /// Parameters of the query that are present, by name; `preview_*` for all that begin so.
        query: OneOrMore<Text>,
        /// Paths: `/a` exactly, `/a/*` for `/a` and all below it, `/a*` for all that begin so.
        path: OneOrMore<Text>,
    }
}

choices! {
    /// What becomes of responses with `Set-Cookie`.
    pub(crate) enum SetCookie {
        /// They are not stored.
        Refuse = "refuse",
        /// They are stored without it. The client that asked first gets the cookie, the others do not.
        Remove = "remove",
    }
    later []
}

choices! {
    /// The whole query, or nothing of it.
    pub(crate) enum WholeQuery {
        /// All parameters tell one response from another.
        All = "all",
        /// None does.
        None = "none",
    }
    later []
}

table! {
    /// Parameters of the query, by name; `utm_*` for all that begin so. Exactly one of these.
    pub(crate) struct QueryNames {
        /// No others tell one response from another.
        only: List<Text>,
        /// All others do.
        except: List<Text>,
    }
}

/// Which parameters of the query count.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    Whole(WholeQuery),
    Names(QueryNames),
}

impl Read for Query {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Table(_) => QueryNames::read(node, reader).map(Self::Names),
            Kind::Text(_) => WholeQuery::read(node, reader).map(Self::Whole),
            _ => {
                let help = "for example \"none\", or { except = [\"utm_*\"] }";
                reader.wrong_kind(node, "\"all\", \"none\" or a table", help);
                None
            }
        }
    }
}

impl JsonSchema for Query {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole = generator.subschema_for::<WholeQuery>();
        let names = generator.subschema_for::<QueryNames>();
        json_schema!({ "anyOf": [whole, names] })
    }
}

table! {
    /// What gateways share.
    pub(crate) struct Shared {
        /// The Redis: `redis://HOST:PORT`, `redis+cluster://HOST:PORT,HOST:PORT`, `redis+sentinel://HOST:PORT/MASTER`, or with
        /// `rediss` in place of `redis` for TLS. With a password (`redis://USER:PASSWORD@HOST:PORT`) it is a secret: `env:NAME`
        /// or `file:PATH`.
        redis: RedisSource => required,
        /// What keys in it begin with. Gateways with the same one share.
        namespace: PlainName = "tenfold",
        /// How long a command may take before the gateway goes on without.
        timeout: Time = "100ms",
    }
}
