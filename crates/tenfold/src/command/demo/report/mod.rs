//! What came of a rehearsal: text for a terminal, a page, JSON. Each is a function of what was measured.

mod html;
mod text;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use super::arguments::Demo;
use super::rehearsal::measured::Rehearsal;
use crate::command::Refusal;
use crate::command::output::Output;

/// The page, if nobody says where.
const PAGE: &str = "tenfold-demo.html";

/// Where results go.
pub(super) struct Outputs {
    page: PathBuf,
    json: Option<PathBuf>,
}

impl Outputs {
    /// Sees whether they can be written: before the rehearsal, not after it. None is left behind by that, however the rehearsal ends.
    pub(super) fn open(demo: &Demo) -> Result<Self, Refusal> {
        let page = demo.html.clone().unwrap_or_else(|| PAGE.into());
        let opened = Output::open(&page)?;
        let json = demo.json.clone();
        if let Some(path) = json.as_deref().filter(|path| !is_standard_output(path))
            && Output::open(path)?.is_same(&opened)
        {
            let what = format!("{} and {} are one file", page.display(), path.display());
            return Err(Refusal::new(what, "give each output a file of its own"));
        }
        Ok(Self { page, json })
    }

    /// Prints and writes; what can be written is, also if something else cannot.
    pub(super) fn write(self, rehearsal: &Rehearsal) -> Result<(), Refusal> {
        let page = Output::open(&self.page);
        let page = page.and_then(|mut page| page.write(&html::page(rehearsal)));
        let is_printed = self.json.as_deref().is_some_and(is_standard_output);
        let json = self.json.map_or(Ok(()), |path| {
            let text = serde_json::to_string_pretty(rehearsal);
            let text = text.map_err(|error| Refusal::new(error, "please report it"))? + "\n";
            if is_printed {
                say(&mut io::stdout(), &text);
                return Ok(());
            }
            Output::open(&path)?.write(&text)
        });
        let in_colour = |is_terminal| is_terminal && std::env::var_os("NO_COLOR").is_none();
        let (mut out, mut error) = (io::stdout(), io::stderr());
        let (to, in_colour): (&mut dyn io::Write, bool) = match is_printed {
            true => (&mut error, in_colour(io::stderr().is_terminal())),
            false => (&mut out, in_colour(io::stdout().is_terminal())),
        };
        let name = self.page.display().to_string();
        say(to, &text::text(rehearsal, &name, in_colour));
        page.and(json)
    }
}

fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

/// A reader that has gone away (`| head`) changes nothing.
fn say(to: &mut dyn io::Write, text: &str) {
    let _gone = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
