//! Scenarios and their steps, as they are written.

use super::value::{Json, Pause, Scalar};
use crate::config::read::table;
use crate::config::scalar::{
    CookieName, FieldName, FilePath, Method, Number, Size, Statuses, Text, Time, choices,
};
use crate::config::shape::{Named, OneOrMore};

table! {
    /// What somebody does, step by step.
    pub(crate) struct Scenario {
        /// What reports call it, and what `[markov]` knows it by.
        name: Text => required,
        /// How often it is chosen, relative to the others.
        weight: Number = 1,
        /// After each of its steps that do not say otherwise.
        think: Think,
        /// From top to bottom: `[[scenario.step]]`, at least one. A failed step ends the session.
        step: OneOrMore<Step> => required,
    }
}

table! {
    /// A request, and what is done with its answer.
    /// Paths, values of the query, of fields and of forms, bodies and texts in JSON are templates: `${NAME}` is what `extract` has
    /// found, `${FEED.COLUMN}` is data, `${env:NAME}` a variable of the environment, and there are `${zipf(n, s)}` (1 to n, of
    /// which k has a share in proportion to 1/k^s), `${random(a, b)}`, `${uuid()}` and `${now()}` (milliseconds since 1970). `$${` is `${`.
    /// What a template fills in is escaped as its place needs it.
    pub(crate) struct Step short path {
        /// What reports call it. Without it its method and path, without values of parameters that look like secrets.
        name: Text,
        /// A group that reports sum it up with.
        group: Text,
        /// The method. Without it `GET`, or `POST` if there is a body.
        method: Method,
        /// The path, perhaps with a query, whose text stands as it is: what is percent-encoded in a value stays so. One that begins with
        /// `${…}` may be a whole link that an answer had: its fragment is left out, and the target's path does not precede it twice.
        path: Text => required,
        /// Parameters that are added to the query; names and values are encoded.
        query: Named<OneOrMore<Scalar>>,
        /// Fields (headers).
        headers: Named<Scalar>,
        /// The body, as JSON: a table, a list, a text or a number. A text that is one `${…}` and nothing else keeps the kind of
        /// its value: a number stays one, and `${null()}` is null.
        json: Json,
        /// The body, as a form.
        form: Named<OneOrMore<Scalar>>,
        /// The body as it is: a text with `${…}`.
        body: Text,
        /// A file whose text is the body, with `${…}`. It is read when this file is.
        body_file: FilePath,
        /// Whether cookies are sent and kept.
        cookies: bool,
        /// Values that are taken from the answer: `{ token = "$.token" }`, `{ id = { header = "location", regex = "([0-9]+)$" } }`.
        extract: Named<Extract>,
        /// What the answer has to be.
        expect: Expect,
        /// After its answer.
        think: Think,
        /// From sending to the end of the answer. Without it the target's.
        timeout: Time,
        /// What happens to the session when it fails.
        on_failure: OnFailure = "end",
    }
}

table! {
    /// A value that is taken from an answer. At most one of `json`, `header` and `cookie` says where it is; without them it is what
    /// `regex` matches in the body.
    pub(crate) struct Extract short json {
        /// What a JSON path (RFC 9535) matches in the body.
        json: Text,
        /// A field (header).
        header: FieldName,
        /// A cookie that the answer sets.
        cookie: CookieName,
        /// A regular expression: what its first group matches is taken, or all of its match.
        regex: Text,
        /// Which one is taken of several.
        pick: PickName = "first",
        /// What is taken if there is nothing. Without it the request has failed.
        default: Scalar,
    }
}

choices! {
    /// Which one is taken of several.
    pub(crate) enum PickName {
        /// The first.
        First = "first",
        /// The last.
        Last = "last",
        /// Any.
        Random = "random",
    }
    later []
}

table! {
    /// What an answer has to be. A request whose answer is not has failed.
    pub(crate) struct Expect {
        /// The statuses that are right. Without it those below 400.
        status: Statuses,
        /// What fields (headers) have to be: `"*"` present, `"!"` absent, `"text*"` begins with, else equals.
        header: Named<Text>,
        /// What the body has to be; all of several.
        body: OneOrMore<BodyTest>,
        /// What JSON paths match in the body: `{ "$.state" = "paid" }`, with the same tests as `header`.
        json: Named<Scalar>,
        /// Least bytes of the body.
        min_size: Size,
        /// Most bytes of the body.
        max_size: Size,
        /// From sending the request to the end of the answer, at most.
        time: Time,
    }
}

table! {
    /// What a body has to be: exactly one of these.
    pub(crate) struct BodyTest short contains {
        /// This is in it.
        contains: Text,
        /// This is not in it.
        lacks: Text,
        /// It is just this.
        equals: Text,
        /// This regular expression matches in it.
        matches: Text,
    }
}

table! {
    /// How long somebody thinks: always the same (`"2s"`), anything between two times, or an exponential distribution that is cut.
    pub(crate) struct Think short constant {
        /// Always this; `"0s"` is not at all.
        constant: Pause,
        /// At least, of a uniform distribution.
        from: Pause,
        /// At most, of a uniform distribution.
        to: Pause,
        /// Mean of an exponential distribution, before it is cut (TPC-W: 7 s).
        mean: Time,
        /// Where an exponential distribution is cut (TPC-W: 70 s). Without it at ten times its mean.
        most: Time,
    }
}

choices! {
    /// What happens to a session when a step fails.
    pub(crate) enum OnFailure {
        /// It ends.
        End = "end",
        /// It goes on with the next step.
        Continue = "continue",
    }
    later []
}
