//! Closing what would be open by accident.
//!
//! A location may protect paths that no pattern can name (`location /wp-login` also takes `/wp-login.php`; `~ /\.git`). Here
//! these requests go to another route, which knows nothing of the protection. Such a route refuses everyone, and says how to
//! open it: a wrong refusal is seen at once, a wrong permission is not.

use super::context::Context;
use super::kind::Rank;
use super::location::{Gap, Planned};
use crate::import::ledger::Weight;
use crate::import::model::Action;
use crate::import::path::{Pattern, Segment};

/// Closes the routes that gaps open into.
pub(super) fn close(context: &mut Context, gaps: &[Gap<'_>], routes: &mut [Planned]) {
    for gap in gaps {
        let longest = longest(gap, routes);
        for planned in routes.iter_mut() {
            let is_files = match planned.route.action {
                Action::Files { .. } => true,
                Action::Upstream(_) => false,
                // An answer that is fixed shows nothing.
                Action::Redirect { .. } | Action::Respond { .. } => continue,
            };
            let is_exempt = (gap.only_files && !is_files) || (gap.spares_files && is_files);
            if is_exempt || !reaches(gap, planned, longest) {
                continue;
            }
            planned.route.closed = !context.leaves_gaps;
            let what = match gap.only_files {
                true => {
                    "its requests would be answered here with the sources of programs".to_owned()
                }
                false if gap.is_regex => {
                    "its requests would come here, without protection".to_owned()
                }
                false => format!(
                    "paths such as `{}x` were protected, too, and would come here without protection",
                    gap.start
                ),
            };
            let advice = match context.leaves_gaps {
                true => format!("{what}: this route was left open (--leave-gaps-open)"),
                false => format!(
                    "{what}: this route refuses everyone until you have decided (or import with --leave-gaps-open)"
                ),
            };
            // At each route that is closed: each has to be opened.
            let note = context.ledger.note(gap.directive, Weight::Security, advice);
            planned.route.table.notes.push(note);
        }
    }
}

/// Whether requests that the gap leaves behind may come to the route.
fn reaches(gap: &Gap<'_>, planned: &Planned, longest: Option<usize>) -> bool {
    let paths = &planned.route.paths;
    if gap.is_regex {
        // Before expressions go exact locations, `^~`, and what the server decides itself.
        let is_before = matches!(planned.rank, Rank::Exact | Rank::Strong | Rank::First);
        let is_inside = |path: &Pattern| {
            gap.patterns
                .iter()
                .any(|own| own != path && own.covers(path))
        };
        let may = |path: &Pattern| gap.is_open && path.may_begin_with(&gap.start);
        let is_own = planned.place == gap.directive.place;
        return !is_before && !is_own && paths.iter().any(|path| is_inside(path) || may(path));
    }
    let own = paths.iter().filter_map(|path| depth(gap, path)).max();
    planned.place != gap.directive.place && own.is_some() && own == longest
}

/// Number of segments of a prefix that `gap.start` and something behind it would come to.
fn depth(gap: &Gap<'_>, path: &Pattern) -> Option<usize> {
    let parent = gap.start.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut parts = parent.split('/').skip(1);
    let fits = path.is_prefix
        && path
            .segments
            .iter()
            .all(|segment| match (segment, parts.next()) {
                (Segment::Literal(text), Some(part)) => text == part,
                (Segment::Capture(_), Some(_)) => true,
                (_, None) => false,
            });
    fits.then_some(path.segments.len())
}

fn longest(gap: &Gap<'_>, routes: &[Planned]) -> Option<usize> {
    let others = routes
        .iter()
        .filter(|planned| planned.place != gap.directive.place);
    others
        .flat_map(|planned| &planned.route.paths)
        .filter_map(|path| depth(gap, path))
        .max()
}
