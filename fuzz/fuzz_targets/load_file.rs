//! Files of load tests: whatever a file says, it is read or refused with messages, and what is read can be described and begun.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tenfold::load_file::{describe, load_text};
use tenfold_load::scenario::{Answer, Outgoing, Shared, User};

const DATA: &[u8] = b"mail,password\na@example.org,1\nb@example.org,2\n";

fuzz_target!(|input: &[u8]| {
    let loaded = match load_text("fuzz.toml", input, &[("data.csv", DATA)]) {
        Ok(loaded) => loaded,
        Err(errors) => {
            assert!(!errors.is_empty(), "a refusal says why");
            for line in errors.lines() {
                assert!(!line.contains(char::is_control), "one line each: {line:?}");
            }
            return;
        }
    };
    let _described = describe(&loaded.test, Duration::from_millis(100));
    let test = Arc::new(loaded.test);
    let shared = Arc::new(Shared::new(&test));
    let mut user = User::new(&test, &shared, 0);
    let (mut outgoing, mut answer) = (Outgoing::default(), Answer::default());
    answer.status = 200;
    answer.body.extend_from_slice(br#"{"a": [1, {"b": "c"}]}"#);
    for session in 0..3 {
        user.begin_as(session);
        for _ in 0..5 {
            let Some(scenario) = user.next_scenario() else { break };
            for step in &test.scenarios[scenario].steps {
                if user.prepare(step, &mut outgoing).is_ok() {
                    let target = outgoing.path.as_bytes();
                    assert!(target.starts_with(b"/") && !target.iter().any(|byte| *byte <= b' '), "{:?}", outgoing.path);
                    let is_line = |text: &str| !text.contains(['\r', '\n', '\0']);
                    assert!(outgoing.fields.iter().all(|(name, value)| is_line(name) && is_line(value)));
                    let _judged = user.conclude(step, &answer);
                }
                let _time = user.think(&step.think);
            }
        }
    }
});
