//! The commands of docs/capacity.md do what stands below them.

use super::{plan, root, stderr, stdout};

/// A command and what is shown of its output.
struct Example {
    arguments: Vec<String>,
    shown: Vec<String>,
}

/// Words as a shell has them: single quotes keep blanks.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("one at least").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let blocks = page
        .split("```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    for line in blocks.flat_map(|block| block.split("$ tenfold plan").skip(1).collect::<Vec<_>>()) {
        let joined = line.replace("\\\n", " ");
        let (command, shown) = joined.split_once('\n').unwrap_or((&joined, ""));
        examples.push(Example {
            arguments: words(command),
            shown: shown
                .lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty() && line != "…")
                .collect(),
        });
    }
    examples
}

#[test]
fn documented_commands_say_what_the_page_shows() {
    let page = std::fs::read_to_string(root().join("docs/capacity.md")).expect("there");
    let examples = examples(&page);
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        let arguments: Vec<&str> = example.arguments.iter().map(String::as_str).collect();
        let output = plan(&arguments);
        let all = stdout(&output) + &stderr(&output);
        assert!(!example.shown.is_empty(), "{arguments:?}");
        let mut lines = all.lines().map(str::trim);
        for shown in &example.shown {
            assert!(
                lines.any(|line| line == shown),
                "{arguments:?} does not say, in this order: {shown}\n{all}"
            );
        }
    }
}
