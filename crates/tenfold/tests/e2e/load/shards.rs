//! Several generators do together what one would do, and are judged together.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tenfold_testkit::origin::{Origin, ok};

use super::{Folder, Ran, code_of};

/// An origin that puts down what it was asked for.
fn listening() -> (Origin, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&heard);
    let origin = Origin::answering(move |request| {
        let line = request.start_line().to_owned();
        theirs.lock().expect("no panic").push(line);
        ok("")
    });
    (origin, heard)
}

/// Which customers came, and what was done: each for itself, because of two who come at the same moment either may be the first.
fn taken(heard: &Mutex<Vec<String>>) -> (Vec<String>, Vec<String>) {
    let all = std::mem::take(&mut *heard.lock().expect("no panic"));
    let parts = all.iter().map(|line| {
        let parts: Vec<_> = line.split(['/', ' ']).collect();
        (parts[3].to_owned(), format!("{} {}", parts[2], parts[4]))
    });
    let (mut customers, mut done): (Vec<_>, Vec<_>) = parts.unzip();
    customers.sort();
    done.sort();
    (customers, done)
}

/// Thirty customers, each of whom comes once, and no more.
fn write_test(folder: &Folder, name: &str, target: &str) {
    let rows: Vec<_> = (0..40).map(|row| format!("customer-{row}\n")).collect();
    folder.write("customers.csv", &format!("id\n{}", rows.concat()));
    folder.write(
        name,
        &format!(
            "name = \"sale\"\ntarget = \"http://{target}\"\narrivals = \"poisson\"\nseed = 7\nthreads = 2\n\
             phase = {{ duration = \"1s\", rate = 30 }}\nthreshold = [\"requests > 15\", \"errors < 1%\"]\n\
             [feed.customers]\nfile = \"customers.csv\"\norder = \"once\"\n\
             [[scenario]]\nname = \"look\"\nweight = 2\nstep = \"/look/${{customers.id}}/${{zipf(10, 1)}}\"\n\
             [[scenario]]\nname = \"buy\"\nstep = \"/buy/${{customers.id}}/${{random(1, 100)}}\"\n"
        ),
    );
}

/// Starts all parts at once, and returns what became of each.
fn all_parts(folder: &Folder) -> Vec<Ran> {
    let at = UNIX_EPOCH.elapsed().expect("after 1970") + Duration::from_millis(1500);
    let at = at.as_secs_f64().to_string();
    let parts: Vec<_> = (1..=3)
        .map(|part| {
            let (shard, json) = (format!("{part}/3"), format!("{part}.json"));
            folder
                .command(&[
                    "load",
                    "t.toml",
                    "--shard",
                    &shard,
                    "--start-at",
                    &at,
                    "--json",
                    &json,
                ])
                .spawn()
                .expect("started")
        })
        .collect();
    let end = |child: std::process::Child| Ran::of(child.wait_with_output().expect("it ends"));
    parts.into_iter().map(end).collect()
}

fn holds(results: &Value) -> Vec<bool> {
    let verdicts = results["thresholds"].as_array().expect("a list");
    verdicts.iter().map(|one| one["holds"] == true).collect()
}

#[test]
fn three_do_what_one_does() {
    let ((origin, heard), folder) = (listening(), Folder::new());
    write_test(&folder, "t.toml", &origin.name());
    folder.load(&["t.toml", "--json", "whole.json"]);
    let alone = taken(&heard);
    let count = alone.0.len() as u64;
    assert!(count > 15, "{alone:?}");
    let ran = all_parts(&folder);
    assert_eq!(
        taken(&heard),
        alone,
        "the same customers and the same requests"
    );
    let mut sum = 0;
    for (index, ran) in ran.iter().enumerate() {
        let part = folder.json(&format!("{}.json", index + 1));
        assert_eq!(
            holds(&part),
            [false, true],
            "a part is not the whole: {}",
            ran.out
        );
        assert_eq!(ran.code, Some(code_of(&part, 1)), "{}", ran.err);
        sum += part["total"]["done"].as_u64().expect("a count");
    }
    let merged = folder.load(&[
        "merge", "3.json", "1.json", "2.json", "--json", "m.json", "--html", "m.html", "--csv",
        "m.csv",
    ]);
    let whole = folder.json("m.json");
    assert_eq!(
        merged.code,
        Some(code_of(&whole, 0)),
        "{}{}",
        merged.out,
        merged.err
    );
    assert_eq!(holds(&whole), [true, true]);
    let done = whole["total"]["done"].as_u64();
    assert_eq!((done, sum), (Some(count), count));
    let steps = |results: &Value| {
        let steps = results["steps"].as_array().expect("a list");
        steps
            .iter()
            .map(|step| step["totals"]["done"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(&whole), steps(&folder.json("whole.json")));
    refuse_wrong_merges(&folder);
}

fn refuse_wrong_merges(folder: &Folder) {
    let merge = |files: &[&str]| folder.load(&[&["merge"], files].concat());
    merge(&["1.json", "2.json", "1.json"]).refused(&["part 1 of 3 is there twice"]);
    merge(&["m.json", "1.json"]).refused(&["is there twice"]);
    merge(&["1.json", "whole.json"]).refused(&["different tests", "--shard"]);
    merge(&["1.json", "customers.csv"]).refused(&["customers.csv", "--json FILE"]);
    merge(&["1.json", "nothing.json"]).refused(&["cannot read nothing.json"]);
    let text = folder.read("2.json");
    for (name, from, to) in [
        ("name", "\"sale\"", "\"fair\""),
        ("model", "\"is_open\": true", "\"is_open\": false"),
        ("threshold", "requests > 15", "requests > 16"),
        ("step", "/look/", "/see/"),
    ] {
        assert!(text.contains(from), "{from}");
        folder.write(name, &text.replace(from, to));
        merge(&["1.json", name]).refused(&["results of different tests"]);
    }
    folder.write("cut", &text[..text.len() / 2]);
    merge(&["1.json", "cut"]).refused(&["cut"]);
    // Two of three are not the whole.
    let ran = merge(&["1.json", "2.json"]).ended(3);
    ran.shows(&["1 of 3 generators are missing: 3"]);
    // Another condition than that of the test.
    let all = [
        "1.json",
        "2.json",
        "3.json",
        "--threshold",
        "requests > 1000",
        "--json",
        "n.json",
    ];
    let ran = merge(&all);
    let whole = folder.json("n.json");
    assert_eq!(ran.code, Some(code_of(&whole, 1)), "{}", ran.out);
    assert_eq!(holds(&whole), [false]);
}
