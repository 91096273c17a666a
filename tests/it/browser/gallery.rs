//! Every sample page at an address of its own, under the policy that pages have.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use countersign::web::assets;

use crate::pages::sample_pages::sample_pages;

/// As `web::answer` writes it, but for the address of forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A server of sample pages; it ends with this process.
pub struct Gallery {
    port: u16,
    /// The names of the pages.
    pub names: Vec<String>,
}

impl Gallery {
    pub fn open() -> Gallery {
        let mut files: BTreeMap<String, (&'static str, Vec<u8>)> = BTreeMap::new();
        let own =
            [assets::style_href("/id"), assets::password_script_href("/id"), assets::favicon_href("/id")];
        for href in own {
            let asset = assets::find(href.trim_start_matches("/id/assets/")).unwrap();
            files.insert(href, (asset.content_type, asset.bytes.to_vec()));
        }
        let pages = sample_pages();
        let names = pages.iter().map(|(name, _)| name.clone()).collect();
        for (name, html) in pages {
            // The pages on the way back must stay to be looked at.
            let html = html.replace("http-equiv=\"refresh\"", "name=\"refresh\"");
            let html = html.replace("<script>document.forms[0].submit()</script>", "");
            files.insert(format!("/{name}"), ("text/html; charset=utf-8", html.into_bytes()));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, files) = (listener.local_addr().unwrap().port(), Arc::new(files));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let files = Arc::clone(&files);
                thread::spawn(move || answer(&stream.unwrap(), &files));
            }
        });
        Gallery { port, names }
    }

    pub fn at(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }
}

/// A connection that the browser only keeps ready sends nothing.
fn answer(mut stream: &TcpStream, files: &BTreeMap<String, (&'static str, Vec<u8>)>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let _headers = lines.take_while(|line| !line.is_empty()).count();
    let missing = ("text/plain", b"Nothing here".to_vec());
    let (kind, body) = files.get(first.split(' ').nth(1).unwrap_or_default()).unwrap_or(&missing);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Security-Policy: {POLICY}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _left = stream.write_all(&[head.as_bytes(), body].concat());
}
