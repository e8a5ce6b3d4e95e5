//! The endpoints that were tried for a request.

/// The most endpoints that are tried for one request.
pub const MAX_TRIED: usize = 4;

/// The endpoints that were tried for a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    indexes: [u16; MAX_TRIED],
    count: u8,
}

impl Tried {
    /// Notes an endpoint.
    ///
    /// # Panics
    /// If [`MAX_TRIED`] were noted before; a caller bounds its attempts by it. If the index is above 65,535.
    pub fn add(&mut self, index: usize) {
        self.indexes[usize::from(self.count)] =
            u16::try_from(index).expect("endpoints of an upstream are counted in thousands");
        self.count += 1;
    }

    /// How many were tried.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// True if no further endpoint may be noted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count() == MAX_TRIED
    }

    /// True if this one was tried.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.indexes[..self.count()]
            .iter()
            .any(|tried| usize::from(*tried) == index)
    }
}
