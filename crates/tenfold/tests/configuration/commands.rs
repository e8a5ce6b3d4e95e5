//! `check`, `fmt`, `schema` and `completions`, as a shell meets them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn tenfold(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    // Who does not read its input closes it.
    let _closed = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("ended")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn check_says_ok_or_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("c.toml");
    let file = path.to_str().expect("UTF-8");
    let good = "[listener.web]\nlisten = ':8080'\n[[route]]\nrespond = 'a'\n[upstream.a]\nservers = ['h:1']\n";
    std::fs::write(&path, good).expect("written");
    let output = tenfold(&["check", file], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "ok: 1 listener, 1 route, 1 upstream; 1 warning\n"
    );
    assert!(text(&output.stderr).starts_with("warning: no route uses the upstream `a`\n"));

    std::fs::write(&path, good.replace("respond", "respnd")).expect("written");
    let output = tenfold(&["check", file], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let drawn = text(&output.stderr);
    assert!(drawn.contains("help: did you mean `respond`?\n"), "{drawn}");
    assert!(!drawn.contains('\u{1b}'), "no colours without a terminal");

    let output = tenfold(&["check", "--json", file], "");
    assert_eq!(output.status.code(), Some(2));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["ok"], false);
    let unknown = &json["diagnostics"][1];
    assert_eq!(
        (&unknown["line"], &unknown["column"]),
        (&4.into(), &1.into())
    );
    assert_eq!(unknown["help"], "did you mean `respond`?");
}

#[test]
fn fmt_writes_checks_and_filters() {
    let output = tenfold(&["fmt", "--stdin"], "a=1# x\n");
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), "a = 1  # x\n")
    );
    assert_eq!(
        tenfold(&["fmt", "--stdin", "--check"], "a=1").status.code(),
        Some(1)
    );
    assert_eq!(
        tenfold(&["fmt", "--stdin", "--check"], "a = 1\n")
            .status
            .code(),
        Some(0)
    );
    let output = tenfold(&["fmt", "--stdin"], "a = [\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("standard input:"));
    assert_eq!(tenfold(&["fmt"], "").status.code(), Some(2));
}

#[test]
fn schema_and_completions_are_printed() {
    let output = tenfold(&["schema"], "");
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["upstream"].is_object());
    let output = tenfold(&["schema", "--markdown"], "");
    assert!(text(&output.stdout).starts_with("# Configuration\n"));
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef tenfold"),
        ("fish", "complete -c tenfold"),
    ] {
        let output = tenfold(&["completions", shell], "");
        assert!(text(&output.stdout).contains(part), "{shell}");
    }
}
