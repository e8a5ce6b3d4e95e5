//! What was written: one struct per table of a load test's file, each field with its documentation and its default.

pub(super) mod phase;
pub(super) mod step;
pub(super) mod value;

use crate::config::read::table;
use crate::config::scalar::{Count, FilePath, Share, Text, Time, choices};
use crate::config::shape::{List, Named, OneOrMore};
use value::Scalar;

table! {
    /// A load test.
    pub(crate) struct File {
        /// Further files, relative to this one, with `*` for any part of a name. Their tables are added to those of this file.
        include: List<Text>,
        /// What reports call the test. Without it the name of the file.
        name: Text,
        /// Where requests go: a URL, or a table.
        target: Target => required,
        /// How much load there is, one after the other: `[[phase]]`, at least one. All say `rate` (an open model: arrivals do not
        /// wait for answers) or all say `users` (a closed one).
        phase: OneOrMore<phase::Phase> => required,
        /// How arrivals of an open model are spread.
        arrivals: Arrivals = "even",
        /// What users do: `[[scenario]]`, at least one.
        scenario: OneOrMore<step::Scenario> => required,
        /// How a session's scenario is chosen. `[markov]` says something else.
        mix: Mix = "random",
        /// Scenarios as pages that lead to each other, instead of `mix`.
        markov: Markov,
        /// Steps that are done once before the first phase; what they extract every session knows.
        setup: OneOrMore<step::Step>,
        /// Steps that are done once after the last phase, also if the test was ended early.
        teardown: OneOrMore<step::Step>,
        /// Data that steps use, as `${NAME.COLUMN}`: `[feed.NAME]`.
        feed: Named<Feed>,
        /// Fields (headers) of every request; a step's own of the same name replace them. Values are templates.
        headers: Named<Scalar>,
        /// Whether sessions keep cookies. Steps may say otherwise for themselves.
        cookies: bool = true,
        /// After each step, unless it or its scenario says otherwise.
        think: step::Think,
        /// What the results have to be; decides the exit code.
        threshold: OneOrMore<Threshold>,
        /// What all randomness follows from: the same seed makes the same test.
        seed: Count = 1,
        /// Threads that make load. Without it half of the cores, because what is tested often needs the others.
        threads: Count,
        /// How long answers are waited for after the last phase, if the target's `timeout` is not shorter.
        grace: Time = "30s",
    }
}

table! {
    /// Where requests go.
    pub(crate) struct Target short url {
        /// `https://shop.example.com`, `http://127.0.0.1:8080/api`. A path in it precedes the path of every step.
        url: Text => required,
        /// Which protocol is spoken.
        protocol: ProtocolName = "auto",
        /// Whether a certificate is accepted that nobody vouches for.
        insecure: bool = false,
        /// A file of certificates (PEM) to trust besides those of the system.
        ca: FilePath,
        /// Most connections at once. Whoever finds none waits, and the wait is latency.
        connections: Count = 10_000,
        /// Whether connections are used again by later sessions, as those of services are. Otherwise each session has its own.
        reuse: bool = true,
        /// For connecting, name and TLS included.
        connect_timeout: Time = "10s",
        /// From sending a request to the end of its answer. Steps may say otherwise.
        timeout: Time = "30s",
    }
}

choices! {
    /// Which protocol is spoken.
    pub(crate) enum ProtocolName {
        /// HTTP/2 if the server chooses it in the TLS handshake, otherwise HTTP/1.1.
        Auto = "auto",
        /// HTTP/1.1.
        Http1 = "http1",
        /// HTTP/2, without TLS with prior knowledge.
        Http2 = "http2",
    }
    later []
}

choices! {
    /// How arrivals are spread.
    pub(crate) enum Arrivals {
        /// At equal distances.
        Even = "even",
        /// Independent of each other, as those of many strangers are.
        Poisson = "poisson",
    }
    later []
}

choices! {
    /// How a scenario is chosen.
    pub(crate) enum Mix {
        /// By weight, at random.
        Random = "random",
        /// By weight, as evenly as possible: of the sessions that were begun never more than one away from its share. (Users of several
        /// generators: of each.)
        Exact = "exact",
    }
    later []
}

table! {
    /// Scenarios as pages (as in TPC-W): a session begins with one and goes on with another until it leaves.
    pub(crate) struct Markov {
        /// How likely a session begins with a scenario: `{ home = 0.9, search = 0.1 }`. The sum is 1.
        start: Named<Share> => required,
        /// For each scenario how likely others follow it: `[markov.next]` with `home = { search = 0.6, cart = 0.1 }`. What is missing
        /// to 1 is leaving.
        next: Named<Named<Share>> => required,
        /// Most pages of a session.
        most: Count = 1000,
    }
}

table! {
    /// Data that steps use. A session takes a row when it first needs one, and keeps it.
    pub(crate) struct Feed short file {
        /// CSV whose first line names the columns, or JSON: a list of objects with the same keys.
        file: FilePath => required,
        /// What it is. Without it by the name's ending: `.csv`, `.tsv`, `.json`.
        format: FeedFormat,
        /// What separates values in CSV: one character.
        delimiter: Text = ",",
        /// Who gets which row. Of several generators each has its own rows, unless they are random.
        order: Order = "sequential",
        /// How long a row is kept.
        per: Per = "session",
    }
}

choices! {
    /// A format of data.
    pub(crate) enum FeedFormat {
        /// Values that are separated by commas or another character.
        Csv = "csv",
        /// Values that are separated by tabulators.
        Tsv = "tsv",
        /// A list of objects.
        Json = "json",
    }
    later []
}

choices! {
    /// Who gets which row.
    pub(crate) enum Order {
        /// One after the other, and from the first again.
        Sequential = "sequential",
        /// Any, each time anew.
        Random = "random",
        /// Each only once: a request that finds none left fails.
        Once = "once",
    }
    later []
}

choices! {
    /// How long a row is kept.
    pub(crate) enum Per {
        /// For a whole session.
        Session = "session",
        /// For one request.
        Step = "step",
    }
    later []
}

table! {
    /// What the results have to be. Of `step`, `group` and `phase` at most one; without them it applies to all but warm-ups.
    pub(crate) struct Threshold short check {
        /// A condition: `p(95) < 300ms`, `errors < 1%`.
        check: Text => required,
        /// The name of the step that it is about.
        step: Text,
        /// The name of the group that it is about.
        group: Text,
        /// The name of the phase that it is about.
        phase: Text,
        /// Whether the test ends as soon as it does not hold.
        abort: bool = false,
    }
}
