//! The look at the console that ends every story sees what it is for.

use super::stage::Album;
use crate::support::chromium::Chromium;

const BAD: &str = "<script>1</script><p style='color:red'>Red</p><img src='/other.png'>\
                   <form method=post action='http://127.0.0.1:1/'><button id=send>Send</button></form>";

#[actix_web::test]
async fn a_page_that_breaks_its_policy_is_noticed() {
    let bad = Album::with_page("default-src 'none'; img-src data:; form-action 'self'", BAD);
    let chromium = Chromium::start().await;
    chromium.open(&bad.at("/")).await;
    chromium.click("#send").await;
    let mut said = vec![];
    while said.len() < 4 {
        said.extend(chromium.console().await);
    }
    for broken in ["inline script", "inline style", "the image", "Sending form data"] {
        let message = said.iter().find(|message| message.contains(broken));
        assert!(message.is_some_and(|m| m.contains("Content Security Policy")), "{broken}: {said:#?}");
    }
    chromium.finish().await;
}
