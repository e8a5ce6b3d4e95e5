//! What came of a rehearsal: text for a terminal, a page, JSON. Each is a function of what was measured.

mod html;
mod text;

use std::io::{self, IsTerminal as _};
use std::path::Path;

use super::arguments::Demo;
use super::rehearsal::measured::Rehearsal;
use crate::command::Refusal;
use crate::command::output::Output;

/// The page, if nobody says where.
const PAGE: &str = "tenfold-demo.html";

/// Where results go.
pub(super) struct Outputs {
    page: Output,
    json: Option<Json>,
}

enum Json {
    File(Output),
    /// Then the text goes to standard error.
    StandardOutput,
}

impl Outputs {
    /// Opens them: before the rehearsal, not after it.
    pub(super) fn open(demo: &Demo) -> Result<Self, Refusal> {
        let page = Output::open(demo.html.as_deref().unwrap_or(Path::new(PAGE)))?;
        let json = match demo.json.as_deref() {
            None => None,
            Some(path) if path == Path::new("-") => Some(Json::StandardOutput),
            Some(path) => Some(Json::File(Output::open(path)?)),
        };
        if let Some(Json::File(file)) = &json
            && file.is_same(&page)
        {
            let what = format!(
                "{} and {} are one file",
                page.path().display(),
                file.path().display()
            );
            return Err(Refusal::new(what, "give each output a file of its own"));
        }
        Ok(Self { page, json })
    }

    /// Prints and writes; what can be written is, also if something else cannot.
    pub(super) fn write(mut self, rehearsal: &Rehearsal) -> Result<(), Refusal> {
        let page = self.page.write(&html::page(rehearsal));
        let json = || {
            serde_json::to_string_pretty(rehearsal)
                .map(|text| text + "\n")
                .map_err(|error| Refusal::new(error, "this is a defect; please report it"))
        };
        let written = match &mut self.json {
            None => Ok(()),
            Some(Json::File(file)) => json().and_then(|text| file.write(&text)),
            Some(Json::StandardOutput) => json().map(|text| say(&mut io::stdout(), &text)),
        };
        let name = self.page.path().display().to_string();
        let of = |is_terminal: bool| is_terminal && std::env::var_os("NO_COLOR").is_none();
        match self.json {
            Some(Json::StandardOutput) => {
                let in_colour = of(io::stderr().is_terminal());
                say(&mut io::stderr(), &text::text(rehearsal, &name, in_colour));
            }
            _ => {
                let in_colour = of(io::stdout().is_terminal());
                say(&mut io::stdout(), &text::text(rehearsal, &name, in_colour));
            }
        }
        page.and(written)
    }
}

/// A reader that has gone away (`| head`) changes nothing.
fn say(to: &mut dyn io::Write, text: &str) {
    let _gone = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
