//! What is written, as the test that comes of it.

use std::sync::Arc;
use std::time::Duration;

use tenfold::load_file::{self, Loaded};
use tenfold_load::Test;
use tenfold_load::scenario::{Answer, OnFailure, Outgoing, Shared, Think, User};
use tenfold_load::test::{Arrivals, Load, Mix, Phase, Protocol};

const REST: &str = "\n[[scenario]]\nname = 'a'\nstep = '/'\n";

fn load(text: &str) -> Loaded {
    let others: [(&str, &[u8]); 3] = [
        ("data/f.csv", b"id,name\n7,a b\n"),
        ("f.json", br#"[{"id": 7}]"#),
        ("body.txt", b"<${f.id}>"),
    ];
    let loaded = load_file::load_text("test.toml", text.as_bytes(), &others);
    loaded.unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn test(text: &str) -> Test {
    load(text).test
}

fn phases(text: &str) -> Vec<Phase> {
    test(&format!("target = 'http://h'\n{text}{REST}")).phases
}

fn shown(phases: &[Phase]) -> Vec<String> {
    let one = |phase: &Phase| match phase.load {
        Load::Rate { from, to } => format!("{} {:?} {from}-{to}", phase.name, phase.duration),
        Load::Users { from, to } => {
            format!("{} {:?} {from}-{to} users", phase.name, phase.duration)
        }
    };
    phases.iter().map(one).collect()
}

/// The requests of the first scenario, one after the other, each answered alike.
fn requests(steps: &str, answer: &Answer) -> Vec<Outgoing> {
    let base = "target = 'http://h/base'\nfeed.f = 'data/f.csv'\nfeed.j = 'f.json'\n\
        headers = { x-all = 'yes', accept = 'a' }\n[[phase]]\nduration = '1s'\nrate = 1\n";
    let test = Arc::new(test(&format!("{base}{steps}")));
    let shared = Arc::new(Shared::new(&test));
    let mut user = User::new(&test, &shared, 0);
    user.begin();
    let mut all = Vec::new();
    for step in &test.scenarios[0].steps {
        let mut outgoing = Outgoing::default();
        user.prepare(step, &mut outgoing).expect("prepared");
        user.conclude(step, answer).expect("as expected");
        all.push(outgoing);
    }
    all
}

fn field<'o>(outgoing: &'o Outgoing, name: &str) -> Option<&'o str> {
    let mut fields = outgoing.fields.iter();
    fields
        .find(|(field, _)| field == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn ramps_staircases_and_spikes_become_plain_phases() {
    let plain = "[[phase]]\nduration = '1m'\nrate = 0.5\nwarm_up = true\n\
        [[phase]]\nname = 'up'\nduration = '1m'\nrate = { to = 500 }\n\
        [[phase]]\nname = 'down'\nduration = '1m'\nrate = { to = 0 }\n";
    let plain = phases(plain);
    assert_eq!(
        shown(&plain),
        ["phase 1 60s 0.5-0.5", "up 60s 0.5-500", "down 60s 500-0"]
    );
    assert!(plain[0].is_warm_up && !plain[1].is_warm_up);

    let stairs = phases(
        "[[phase]]\nname = 'n'\nduration = '10s'\nusers = { from = 10, to = 25, steps = 3 }\n",
    );
    let expected = [
        "n 1/3 3.333333333s 10-10 users",
        "n 2/3 3.333333333s 18-18 users",
        "n 3/3 3.333333334s 25-25 users",
    ];
    assert_eq!(shown(&stairs), expected);

    let spike = "[[phase]]\nname = 'n'\nduration = '60s'\nrate = { from = 5, spike = 50, after = '20s', lasts = '10s' }\n\
        [[phase]]\nname = 'o'\nduration = '1s'\nrate = { to = 9 }\n";
    let expected = [
        "n before 20s 5-5",
        "n spike 10s 50-50",
        "n after 30s 5-5",
        "o 1s 5-9",
    ];
    assert_eq!(shown(&phases(spike)), expected);
    let short = "[[phase]]\nname = 'n'\nduration = '60s'\nrate = { from = 5, spike = 50 }\n";
    assert_eq!(
        shown(&phases(short)),
        ["n before 30s 5-5", "n spike 6s 50-50", "n after 24s 5-5"]
    );
}

#[test]
fn the_target_and_the_test() {
    let phase = "[[phase]]\nduration = '1s'\nrate = 1\n";
    let plain = test(&format!("target = 'https://h'\n{phase}{REST}"));
    assert_eq!((plain.name.as_str(), plain.seed), ("test", 1));
    assert_eq!((plain.target.is_tls, plain.target.port), (true, 443));
    assert_eq!((plain.arrivals, plain.mix), (Arrivals::Even, Mix::Random));
    assert_eq!(plain.grace, Duration::from_secs(30));
    // A session of one request never sends what it was given.
    assert!(plain.scenarios[0].steps[0].is_constant());
    let text = format!(
        "name = 'n'\nseed = 9\nthreads = 3\narrivals = 'poisson'\nmix = 'exact'\n\
        target = {{ url = 'http://[::1]:81/a/', protocol = 'http2', insecure = true, connections = 5, \
        reuse = false, timeout = '2s', connect_timeout = '1s' }}\n{phase}{REST}"
    );
    let all = test(&text);
    let target = &all.target;
    assert_eq!(
        (target.host.as_str(), target.port, target.base.as_str()),
        ("::1", 81, "/a")
    );
    assert_eq!(
        (target.protocol, target.is_insecure, target.reuses),
        (Protocol::Http2, true, false)
    );
    assert_eq!(
        (target.connections, target.timeout),
        (5, Duration::from_secs(2))
    );
    assert_eq!(
        (all.name.as_str(), all.seed, all.threads, all.grace),
        ("n", 9, 3, Duration::from_secs(2))
    );
    assert_eq!((all.arrivals, all.mix), (Arrivals::Poisson, Mix::Exact));
}

#[test]
fn requests_are_what_was_written() {
    let steps = "[[scenario]]\nname = 'a'\n\
        [[scenario.step]]\npath = '/p?x=1'\nquery = { y = ['a b', 2], 'z&' = '${f.name}' }\nheaders = { Accept = 'b', x = '${f.id}' }\n\
        [[scenario.step]]\npath = '/j'\njson = { id = '${j.id}', s = '${f.id}', t = 'n ${f.name}', l = [1, 2.5, true, '${null()}'], d = 2024-01-02 }\n\
        [[scenario.step]]\npath = '/f'\nmethod = 'PUT'\nform = { a = '${f.name}', b = 'x&y' }\n\
        [[scenario.step]]\npath = '/b'\nbody_file = 'body.txt'\nheaders = { content-type = 'text/xml' }\n\
        [[scenario.step]]\npath = '/r'\nmethod = 'DELETE'\nbody = '[${j.id}]'\n";
    let all = requests(
        steps,
        &Answer {
            status: 200,
            ..Answer::default()
        },
    );
    let lines: Vec<_> = all
        .iter()
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    let first = "GET /base/p?x=1&y=a%20b&y=2&z%26=a%20b";
    assert_eq!(
        lines,
        [
            first,
            "POST /base/j",
            "PUT /base/f",
            "POST /base/b",
            "DELETE /base/r"
        ]
    );
    assert_eq!(
        (field(&all[0], "Accept"), field(&all[0], "accept")),
        (Some("b"), None)
    );
    assert_eq!(
        (field(&all[0], "x"), field(&all[0], "x-all")),
        (Some("7"), Some("yes"))
    );
    let json = r#"{"id":7,"s":"7","t":"n a b","l":[1,2.5,true,null],"d":"2024-01-02"}"#;
    assert_eq!(String::from_utf8_lossy(&all[1].body), json);
    assert_eq!(field(&all[1], "content-type"), Some("application/json"));
    assert_eq!(all[2].body, b"a=a%20b&b=x%26y");
    assert_eq!(
        field(&all[2], "content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        (all[3].body.as_slice(), field(&all[3], "content-type")),
        (&b"<7>"[..], Some("text/xml"))
    );
    assert_eq!(
        (all[4].body.as_slice(), field(&all[4], "content-type")),
        (&b"[7]"[..], None)
    );
}

#[test]
fn links_of_answers_are_followed() {
    let steps = "[[scenario]]\nname = 'a'\n\
        [[scenario.step]]\npath = '/'\nextract = { next = { header = 'location' } }\n\
        [[scenario.step]]\npath = '${next}'\nquery = { page = 2 }\n\
        [[scenario.step]]\npath = '/x?api_key=s3cret'\n";
    let answer = Answer {
        status: 200,
        fields: vec![("location".to_owned(), b"/base/list?sort=up#top".to_vec())],
        ..Answer::default()
    };
    let all = requests(steps, &answer);
    assert_eq!(all[1].path, "/base/list?sort=up&page=2");
    let base = "target = 'http://h'\nphase = { duration = '1s', rate = 1 }\n";
    let loaded = test(&format!("{base}{steps}"));
    // Sent as it is, shown without.
    assert_eq!(all[2].path, "/base/x?api_key=s3cret");
    assert_eq!(loaded.scenarios[0].steps[2].name, "GET /x?api_key=…");
}

#[test]
fn answers_are_taken_apart() {
    let steps = "[[scenario]]\nname = 'a'\n\
        [[scenario.step]]\npath = '/'\nextract = { j = '$.items[1]', h = { header = 'Location', regex = '([0-9]+)$' }, \
        c = { cookie = 'sid' }, r = { regex = 'token=(\\w+)' }, d = { json = '$.none', default = 5 } }\n\
        expect = { status = [201] }\n\
        [[scenario.step]]\npath = '/${j}/${h}/${c}/${r}/${d}'\n";
    let steps = steps.replace("[201]", "'200,201'");
    let answer = Answer {
        status: 201,
        fields: vec![
            ("location".to_owned(), b"/orders/42".to_vec()),
            ("set-cookie".to_owned(), b"sid=s; Path=/".to_vec()),
        ],
        body: br#"{"items": ["x", "y"], "html": "token=abc"}"#.to_vec(),
        ..Answer::default()
    };
    let all = requests(&steps, &answer);
    assert_eq!(all[1].path, "/base/y/42/s/abc/5");
    assert_eq!(field(&all[1], "cookie"), Some("sid=s"));
}

#[test]
fn thinking_and_failing() {
    let text = "target = 'http://h'\nthink = '1s'\n[[phase]]\nduration = '1s'\nrate = 1\n\
        [[scenario]]\nname = 'a'\nstep = ['/', { path = '/b', think = '0s', on_failure = 'continue', timeout = '5s', cookies = false }]\n\
        [[scenario]]\nname = 'b'\nthink = { mean = '7s' }\nstep = ['/', { path = '/', think = { from = '1s', to = '2s' } }, { name = 'n', group = 'g', path = '/' }]\n";
    let test = test(text);
    let seconds = Duration::from_secs;
    let thinks = |scenario: usize| -> Vec<_> {
        test.scenarios[scenario]
            .steps
            .iter()
            .map(|step| step.think)
            .collect()
    };
    assert_eq!(thinks(0), [Think::Constant(seconds(1)), Think::Not]);
    let exponential = Think::Exponential {
        mean: seconds(7),
        most: seconds(70),
    };
    assert_eq!(
        thinks(1),
        [
            exponential,
            Think::Uniform(seconds(1), seconds(2)),
            exponential
        ]
    );
    let [first, second] = test.scenarios[0].steps.as_slice() else {
        panic!("two steps");
    };
    assert_eq!(
        (first.on_failure, second.on_failure),
        (OnFailure::End, OnFailure::Continue)
    );
    assert_eq!((first.timeout, second.timeout), (None, Some(seconds(5))));
    assert_eq!((first.keeps_cookies, second.keeps_cookies), (true, false));
    let names: Vec<_> = test.scenarios[1]
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["GET /", "GET / (2)", "n"]);
    assert_eq!(test.scenarios[1].steps[2].group.as_deref(), Some("g"));
}

#[test]
fn pages_lead_to_pages() {
    let text = "target = 'http://h'\n[[phase]]\nduration = '1s'\nusers = 1\n\
        [markov]\nstart = { a = '90%', b = 0.1 }\nmost = 5\n[markov.next]\na = { b = 0.333, c = 0.667 }\nc = { a = 1 }\n\
        [[scenario]]\nname = 'a'\nstep = { path = '/', extract = { x = '$.x' } }\n\
        [[scenario]]\nname = 'b'\nstep = '/${x}'\n[[scenario]]\nname = 'c'\nstep = '/'\n";
    let Mix::Markov(markov) = test(text).mix else {
        panic!("pages");
    };
    assert_eq!((markov.start, markov.most), (vec![0.9, 0.1, 0.0], 5));
    assert_eq!(
        markov.next,
        [vec![0.0, 0.333, 0.667], vec![0.0; 3], vec![1.0, 0.0, 0.0]]
    );
}

#[test]
fn what_looks_wrong_is_said() {
    let text = "target = 'http://h'\nmix = 'random'\n[[phase]]\nduration = '1s'\nrate = 1\n\
        [markov]\nstart = { a = 1 }\nnext = {}\n[[scenario]]\nname = 'a'\nweight = 2\nstep = '/'\n\
        [[scenario]]\nname = 'b'\nstep = '/'\n";
    let warnings = load(text).warnings.lines().join("\n");
    for expected in [
        "test.toml:2:7: `mix` has no effect: [markov] says what comes next",
        "test.toml:7:9: nobody ever comes to the scenario `b`",
        "test.toml:11:10: `weight` has no effect",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
}
