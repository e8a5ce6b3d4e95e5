//! Paths as a trie of segments.
//!
//! # The idea
//! A node has hashed literal children and at most one capture, so that at each segment of the request's path every
//! node at hand leads to two others at most. The nodes that fit are collected level by level, in an order in which
//! reading the collection backwards is reading from the most to the least specific: deepest first, and among nodes of
//! one depth literals before captures from left to right.
//!
//! # The bound
//! A node has one parent and is collected at most once for a request; so at most as many are as the trie has nodes, and
//! at most 2ᵈ at depth d. There are more than one at a depth only where the operator's own captures and literals
//! overlap. The walk ends where the trie does: a path of a thousand segments costs no more than the deepest pattern, and
//! a segment longer than every literal is not even hashed.

use memchr::memchr;
use smallvec::SmallVec;

use super::ask::Capture;
use super::hash::FastMap;
use super::pattern::{PathPattern, Segment};

/// Nodes that are collected without an allocation.
const INLINE: usize = 24;

/// Index of a node.
pub(super) type NodeId = u32;

/// A forest: each host has a root of its own.
#[derive(Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Length of the longest literal segment.
    longest: usize,
}

/// What a sequence of segments leads to.
#[derive(Default)]
pub(super) struct Node {
    children: FastMap<NodeId>,
    capture: Option<NodeId>,
    /// Routes for the path that ends here, those to be asked first first.
    pub(super) ends: Vec<Place>,
    /// Routes for every path that goes through here or ends here.
    pub(super) opens: Vec<Place>,
}

/// A route at one of its paths.
pub(super) struct Place {
    /// Index of the route.
    pub(super) route: u32,
    /// True if there are conditions to be met.
    pub(super) is_conditional: bool,
    pub(super) captures: Box<[Capture]>,
}

/// A node that fits the beginning of a path.
struct Visit {
    node: NodeId,
    /// Offset in the path of what follows the segments that lead to the node.
    rest: u32,
}

impl Node {
    fn is_leaf(&self) -> bool {
        self.capture.is_none() && self.children.is_empty()
    }
}

impl Trie {
    /// A new root.
    pub(super) fn root(&mut self) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).expect("a file has fewer than 2³² segments");
        self.nodes.push(Node::default());
        id
    }

    /// Puts a route at a path below a root. The same route at the same node a second time changes nothing.
    pub(super) fn insert(
        &mut self,
        root: NodeId,
        path: &PathPattern,
        route: u32,
        is_conditional: bool,
    ) {
        let mut node = root;
        let mut captures = Vec::new();
        for (at, segment) in path.segments.iter().enumerate() {
            node = match segment {
                Segment::Literal(text) => self.literal(node, text.as_bytes()),
                Segment::Capture(name) => {
                    captures.push(Capture {
                        name: name.as_str().into(),
                        segment: u32::try_from(at).expect("a pattern has fewer than 2³² segments"),
                    });
                    self.capture(node)
                }
            };
        }
        // `/` is one empty segment; a pattern that was made by hand may have none.
        if path.segments.is_empty() && !path.is_prefix {
            node = self.literal(node, b"");
        }
        let node = &mut self.nodes[node as usize];
        let places = if path.is_prefix {
            &mut node.opens
        } else {
            &mut node.ends
        };
        if places.last().is_none_or(|last| last.route != route) {
            places.push(Place {
                route,
                is_conditional,
                captures: captures.into(),
            });
        }
    }

    fn literal(&mut self, parent: NodeId, text: &[u8]) -> NodeId {
        if let Some(child) = self.nodes[parent as usize].children.get(text) {
            return *child;
        }
        self.longest = self.longest.max(text.len());
        let child = self.root();
        self.nodes[parent as usize]
            .children
            .insert(text.into(), child);
        child
    }

    fn capture(&mut self, parent: NodeId) -> NodeId {
        if let Some(child) = self.nodes[parent as usize].capture {
            return child;
        }
        let child = self.root();
        self.nodes[parent as usize].capture = Some(child);
        child
    }

    pub(super) fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// The node, if it is the root of nothing but paths that are open at once (`/*`).
    pub(super) fn only_opens(&self, root: NodeId) -> Option<&[Place]> {
        let node = &self.nodes[root as usize];
        node.is_leaf().then_some(&*node.opens)
    }

    /// The most specific place that fits the path and is accepted, and where in the path its rest begins.
    pub(super) fn find(
        &self,
        root: NodeId,
        path: &[u8],
        accepts: impl Fn(&Place) -> bool,
    ) -> Option<(&Place, u32)> {
        let mut visits = SmallVec::<[Visit; INLINE]>::new();
        let last_level = self.collect(root, path, &mut visits);
        let node = |visit: &Visit| &self.nodes[visit.node as usize];
        for visit in visits[last_level..].iter().rev() {
            if let Some(place) = node(visit).ends.iter().find(|place| accepts(place)) {
                return Some((place, visit.rest));
            }
        }
        for visit in visits.iter().rev() {
            if let Some(place) = node(visit).opens.iter().find(|place| accepts(place)) {
                return Some((place, visit.rest));
            }
        }
        None
    }

    /// Collects the nodes that fit, and returns where those begin that fit the whole path.
    fn collect(&self, root: NodeId, path: &[u8], visits: &mut SmallVec<[Visit; INLINE]>) -> usize {
        let offset = |at: usize| u32::try_from(at).expect("a head is far below 4 GiB");
        // `OPTIONS *` has no segments: it fits `/*` alone.
        let mut start = path.len().min(1);
        visits.push(Visit {
            node: root,
            rest: offset(start),
        });
        if !path.starts_with(b"/") {
            visits[0].rest = offset(path.len());
            return visits.len();
        }
        let mut level = 0;
        loop {
            let above = level..visits.len();
            let is_leaf = |visit: &Visit| self.nodes[visit.node as usize].is_leaf();
            if visits[above.clone()].iter().all(is_leaf) {
                return visits.len();
            }
            let end = memchr(b'/', &path[start..]).map_or(path.len(), |at| start + at);
            let segment = &path[start..end];
            let rest = offset((end + 1).min(path.len()));
            level = visits.len();
            for at in above {
                let node = &self.nodes[visits[at].node as usize];
                if let Some(node) = node.capture.filter(|_| !segment.is_empty()) {
                    visits.push(Visit { node, rest });
                }
                if segment.len() <= self.longest
                    && let Some(&node) = node.children.get(segment)
                {
                    visits.push(Visit { node, rest });
                }
            }
            if end == path.len() {
                return level;
            }
            start = end + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_ends_with_the_trie() {
        let mut trie = Trie::default();
        let root = trie.root();
        for (route, text) in ["/*", "/{a}/*", "//*", "/a/b"].into_iter().enumerate() {
            let pattern = PathPattern::parse(text).expect(text);
            trie.insert(root, &pattern, u32::try_from(route).expect("few"), false);
        }
        for path in ["/".repeat(8192), "/a".repeat(4096), "a".repeat(8192)] {
            let mut visits = SmallVec::new();
            trie.collect(root, path.as_bytes(), &mut visits);
            assert!(visits.len() <= 4, "{}", visits.len());
        }
    }

    #[test]
    fn each_node_is_collected_once() {
        // Every combination of literal and capture, twelve deep: what an operator would have to write on purpose.
        let mut trie = Trie::default();
        let root = trie.root();
        for bits in 0..1_u32 << 12 {
            let segment = |at: u32| if bits >> at & 1 == 0 { "/a" } else { "/{x}" };
            let segments = (0..12).map(|at| segment(at).replace('x', &format!("x{at}")));
            let pattern = PathPattern::parse(&segments.collect::<String>()).expect("a pattern");
            trie.insert(root, &pattern, bits, true);
        }
        let mut visits = SmallVec::new();
        trie.collect(root, "/a".repeat(12).as_bytes(), &mut visits);
        assert_eq!(visits.len(), trie.nodes.len());
        // Literals before captures, the leftmost one decides.
        let asked = std::cell::RefCell::new(Vec::new());
        let found = trie.find(root, "/a".repeat(12).as_bytes(), |place| {
            asked.borrow_mut().push(place.route.reverse_bits() >> 20);
            false
        });
        assert!(found.is_none());
        assert_eq!(asked.into_inner(), (0..1 << 12).collect::<Vec<u32>>());
    }
}
