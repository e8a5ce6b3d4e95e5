//! Files: includes, paths, secrets, and what cannot be read.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tenfold::config::{self, Diagnostics, Loaded};
use tenfold_gateway::config::route::Action;

const WEB: &str = "[listener.web]\nlisten = \":8080\"\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn load(folder: &TempDir) -> Result<Loaded, Diagnostics> {
    config::load(&folder.path().join("main.toml"))
}

/// What is said, with the folder's name taken out.
fn said(folder: &TempDir, diagnostics: &Diagnostics) -> Vec<String> {
    let prefix = format!("{}/", folder.path().display());
    let lines = diagnostics.lines();
    lines.iter().map(|line| line.replace(&prefix, "")).collect()
}

#[test]
fn included_files_add_to_what_is_there() {
    let folder = folder(&[
        (
            "main.toml",
            &format!(
                "include = [\"conf.d/*.toml\"]\n[timeouts]\nhead = \"5s\"\n{WEB}[[route]]\nname = \"main\"\nupstream = \"b\"\n"
            ),
        ),
        (
            "conf.d/1.toml",
            "[timeouts]\nidle = \"6s\"\n[[route]]\nname = \"one\"\npath = \"/1\"\nrespond = { body_file = \"one.txt\" }\n",
        ),
        (
            "conf.d/2.toml",
            "include = \"more/b.toml\"\n[listener.two]\nlisten = \":8081\"\n",
        ),
        (
            "conf.d/more/b.toml",
            "[upstream.b]\nservers = [\"10.0.0.1:1\"]\n",
        ),
        ("conf.d/one.txt", "one"),
        ("conf.d/ignored.txt", "= no TOML"),
    ]);
    let loaded = load(&folder).expect("right");
    let config = loaded.config;
    let names: Vec<_> = config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["main", "one"]);
    assert_eq!(config.listeners.len(), 2);
    assert_eq!(config.listeners[0].head_timeout.as_secs(), 5);
    assert_eq!(config.listeners[1].idle_timeout.as_secs(), 6);
    let Action::Respond(reply) = &config.routes[1].action else {
        panic!("{:?}", config.routes[1].action);
    };
    assert_eq!(&reply.body[..], b"one");
    let files: Vec<_> = loaded
        .files
        .iter()
        .map(|path| path.strip_prefix(folder.path()).expect("inside"))
        .collect();
    let expected = [
        "main.toml",
        "conf.d/1.toml",
        "conf.d/2.toml",
        "conf.d/more/b.toml",
        "conf.d/one.txt",
    ];
    assert_eq!(files, expected.map(Path::new));
}

#[test]
fn what_two_files_give_is_an_error_with_both_places() {
    let folder = folder(&[
        (
            "main.toml",
            &format!(
                "include = \"a.toml\"\n[timeouts]\nhead = \"5s\"\n{WEB}[[route]]\nrespond = \"a\"\n"
            ),
        ),
        (
            "a.toml",
            "[timeouts]\nhead = \"6s\"\n[listener.web]\nlisten = \":1\"\n",
        ),
    ]);
    let errors = load(&folder).expect_err("twice");
    let help =
        "(keep one of them, or rename one; of several files each may only add to the others)";
    assert_eq!(
        said(&folder, &errors),
        [
            format!("a.toml:2:1: `head` is given twice {help}"),
            format!("a.toml:3:11: `web` is given twice {help}"),
        ]
    );
    let drawn = errors
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "");
    assert!(drawn.contains("::: main.toml:3:1\n"), "{drawn}");
    assert!(drawn.contains("::: main.toml:4:11\n"), "{drawn}");
}

#[test]
fn errors_of_all_files_are_told_each_with_its_file() {
    let folder = folder(&[
        (
            "main.toml",
            "include = [\"a.toml\", \"b.toml\", \"none.toml\"]\n",
        ),
        ("a.toml", "x = \n"),
        ("b.toml", "y = \n"),
    ]);
    let errors = load(&folder).expect_err("wrong");
    let said = said(&folder, &errors);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].starts_with("main.toml:1:32: cannot read none.toml: no such file"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("a.toml:1:5: there is no value"),
        "{said:?}"
    );
    assert!(
        said[2].starts_with("b.toml:1:5: there is no value"),
        "{said:?}"
    );
}

#[test]
fn circles_and_files_that_are_included_twice_are_told() {
    let circle = folder(&[
        ("main.toml", "include = \"a.toml\"\n"),
        ("a.toml", "include = \"b.toml\"\n"),
        ("b.toml", "include = \"main.toml\"\n"),
    ]);
    let errors = load(&circle).expect_err("a circle");
    let lines = said(&circle, &errors);
    assert_eq!(
        lines,
        [
            "b.toml:1:11: main.toml includes itself, by way of this file (remove one of the includes of the circle)"
        ]
    );
    let twice = folder(&[
        (
            "main.toml",
            &format!("include = [\"a.toml\", \"*.toml\"]\n{WEB}"),
        ),
        ("a.toml", "[[route]]\nrespond = \"a\"\n"),
    ]);
    let errors = load(&twice).expect_err("twice");
    assert_eq!(
        said(&twice, &errors),
        ["main.toml:1:22: a.toml is included twice (remove one of the includes)"]
    );
    let alone = folder(&[(
        "main.toml",
        &format!("include = \"*.toml\"\n{WEB}[[route]]\nrespond = \"a\"\n"),
    )]);
    assert!(
        load(&alone)
            .expect("it means the others")
            .warnings
            .is_empty()
    );
}

#[test]
fn special_characters_of_the_folder_are_no_pattern() {
    let folder = folder(&[
        ("[a]*/main.toml", "include = [\"conf.d/*.toml\"]\n"),
        ("[a]*/conf.d/a.toml", WEB),
        ("a/conf.d/b.toml", WEB),
    ]);
    let loaded = config::load(&folder.path().join("[a]*/main.toml")).expect("right");
    assert_eq!(loaded.config.listeners.len(), 1);
}

#[test]
fn a_token_is_read_and_not_shown() {
    let folder = folder(&[
        (
            "main.toml",
            &format!(
                "[admin]\nlisten = \"0.0.0.0:9900\"\ntoken = \"file:token\"\n{WEB}[[route]]\nrespond = \"a\"\n"
            ),
        ),
        ("token", "0123456789abcdef\n"),
    ]);
    let loaded = load(&folder).expect("right");
    let token = loaded.process.admin_token.as_ref().expect("a token");
    assert!(token.matches(b"0123456789abcdef"));
    assert_eq!(loaded.redacted["admin"]["token"], "file:token");
    assert!(!loaded.redacted.to_string().contains("0123"));
    assert!(!format!("{loaded:?}").contains("0123"));
    assert!(loaded.files.contains(&folder.path().join("token")));

    fs::write(folder.path().join("token"), "short").expect("written");
    let errors = load(&folder).expect_err("too short");
    assert!(said(&folder, &errors)[0].starts_with("main.toml:3:9: the token is too short"));
}

#[test]
fn fields_that_let_somebody_in_are_not_shown() {
    let folder = folder(&[(
        "main.toml",
        &format!(
            "{WEB}[[route]]\nrespond = \"a\"\nheader = {{ X-Api-Key = \"hunter2\", Cookie = \"*\", Accept = \"b\" }}\n\
             request_headers = {{ set = {{ Authorization = \"Bearer hunter2\", X-Zone = \"c\" }} }}\n"
        ),
    )]);
    let loaded = load(&folder).expect("right");
    assert!(
        !loaded.redacted.to_string().contains("hunter2"),
        "{}",
        loaded.redacted
    );
    let route = &loaded.redacted["route"][0];
    assert_eq!(route["header"]["accept"], "b", "{route}");
    assert_eq!(
        route["header"]["cookie"], "*",
        "it says nothing but that there is one"
    );
    assert_eq!(route["request_headers"]["set"]["X-Zone"], "c");
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = folder(&[]);
    let errors = load(&folder).expect_err("missing");
    assert_eq!(
        said(&folder, &errors),
        [
            "main.toml: cannot read main.toml: no such file or directory (give a file that exists and that this user may read)"
        ]
    );
    let errors = config::load(folder.path()).expect_err("a folder");
    assert!(errors.lines()[0].contains("is a directory"));
    let errors = config::load(Path::new("/dev/zero")).expect_err("endless");
    assert!(errors.lines()[0].contains("larger than 16 MiB"));
}

#[test]
fn a_file_to_fall_back_on_goes_with_a_status_that_has_a_body() {
    let with = |fallback: &str| {
        let route = format!("[[route]]\nupstream = \"a\"\nfallback = {fallback}\n");
        let rest = "[upstream.a]\nservers = [\"10.0.0.1:1\"]\n";
        folder(&[
            ("main.toml", &format!("{WEB}{route}{rest}")),
            ("sorry.html", "sorry"),
            ("empty", ""),
        ])
    };
    let wrong = |fallback: &str| {
        let folder = with(fallback);
        said(&folder, &load(&folder).expect_err("wrong")).join("\n")
    };
    let no_body = wrong("{ file = \"sorry.html\", status = 204 }");
    let expected = "main.toml:5:12: a response with status 204 has no body (leave the body out, or use another status)";
    assert_eq!(no_body, expected);
    let status = wrong("{ file = \"sorry.html\", status = 99 }");
    assert!(
        status.starts_with("main.toml:5:44: `status` cannot be 99 (give a number from 200 to 599)")
    );
    assert!(load(&with("{ file = \"empty\", status = 204 }")).is_ok());

    let twice = with("[{ file = \"sorry.html\" }, { file = \"sorry.html\" }]");
    let warnings = said(&twice, &load(&twice).expect("right").warnings);
    assert_eq!(
        warnings,
        [
            "main.toml:5:38: `fallback` has no effect: the file in front of it always answers (leave it out)"
        ]
    );
}
