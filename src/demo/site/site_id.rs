//! The two sites.

/// One of the two sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum SiteId {
    /// The bank.
    Bank,
    /// The retirement fund.
    Fund,
}

impl SiteId {
    /// The displayed name.
    pub(in crate::demo) fn name(self) -> &'static str {
        match self {
            SiteId::Bank => "Harbour Bank",
            SiteId::Fund => "Harbour Retirement",
        }
    }

    pub(in crate::demo) fn slug(self) -> &'static str {
        match self {
            SiteId::Bank => "bank",
            SiteId::Fund => "fund",
        }
    }

    pub(in crate::demo) fn other(self) -> SiteId {
        match self {
            SiteId::Bank => SiteId::Fund,
            SiteId::Fund => SiteId::Bank,
        }
    }

    pub(in crate::demo) fn client_id(self) -> &'static str {
        match self {
            SiteId::Bank => "demo-bank",
            SiteId::Fund => "demo-fund",
        }
    }

    pub(super) fn cookie(self) -> &'static str {
        match self {
            SiteId::Bank => "bank_session",
            SiteId::Fund => "fund_session",
        }
    }
}
