//! Sealed tickets: a ticket that opens was sealed, for the browser that opens it.

use countersign::keys::seal;
use countersign::web::ticket::{Ticket, TicketKind};

use crate::input::{edited, lines};
use crate::provider::{Provider, with};

/// The input is three lines: a text that claims to be a ticket, edits of a real one, and the parameters of
/// a new one.
pub fn run(input: &[u8]) {
    let [forged, edits, params] = lines::<3>(input);
    with(|provider| {
        if let Ok(forged) = std::str::from_utf8(forged) {
            assert!(open(provider, TicketKind::Authorize, forged).is_none(), "{forged:?} was never sealed");
        }
        let bent = edited(&provider.ticket, edits);
        if let Some((_, is_ours)) = open(provider, TicketKind::Authorize, &bent) {
            assert!(bent == provider.ticket && is_ours, "{bent:?} opens and is not {:?}", provider.ticket);
        }
        if let Ok(params) = std::str::from_utf8(params) {
            sealed_and_opened(provider, params);
        }
        below(provider, params, edits);
    });
}

fn open(provider: &Provider, kind: TicketKind, text: &str) -> Option<(Ticket, bool)> {
    let visit = provider.meets(provider.from_browser());
    let browser = visit.browser();
    let opened = provider.wait(Ticket::open(&visit, kind, text, browser.as_ref()));
    opened.ok().map(|opened| (opened.ticket, opened.is_ours))
}

fn sealed_and_opened(provider: &Provider, params: &str) {
    let sealed = provider.sealed(&Ticket::new(TicketKind::Authorize, params.into(), provider.now));
    assert!(sealed.len() <= 7000, "it fits into an address");
    let (ticket, is_ours) = open(provider, TicketKind::Authorize, &sealed).expect("it was sealed just now");
    assert!(is_ours && ticket.params == params && !ticket.is_expired(provider.now));
    assert!(open(provider, TicketKind::Logout, &sealed).is_none(), "it is of another kind");
    let visit = provider.meets(provider.from_browser());
    let nobodys = provider.wait(Ticket::open(&visit, TicketKind::Authorize, &sealed, None));
    assert!(nobodys.is_ok_and(|opened| !opened.is_ours), "it opens, and is nobody's");
}

/// The sealing beneath tickets: any bytes, one purpose, one binding.
fn below(provider: &Provider, plain: &[u8], edits: &[u8]) {
    let keys = &provider.app.keys.instance;
    let sealed = seal::seal(keys, "purpose", b"bound", plain);
    assert_eq!(seal::open(keys, "purpose", b"bound", &sealed).as_deref(), Ok(plain));
    assert!(seal::open(keys, "other purpose", b"bound", &sealed).is_err());
    assert!(seal::open(keys, "purpose", b"other", &sealed).is_err());
    assert!(seal::open(keys, "purpose", b"bound", plain).is_err(), "these bytes were never sealed");
    for edit in edits.chunks_exact(2) {
        let mut bent = sealed.clone();
        let at = usize::from(edit[0]) % bent.len();
        bent[at] ^= edit[1];
        assert_eq!(seal::open(keys, "purpose", b"bound", &bent).is_ok(), edit[1] == 0, "byte {at}");
    }
}
