//! The driver that all browsers of this process share, on a free port; it ends with this process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

struct Driver {
    port: u16,
    // Holding its standard input open is what keeps the driver alive; it may say more than its port.
    _guard: Child,
    _words: BufReader<ChildStdout>,
}

static SHARED: LazyLock<Driver> = LazyLock::new(|| {
    let script = "chromedriver --port=0 & driver=$!; cat >/dev/null; kill $driver";
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut guard = command.spawn().unwrap();
    let mut words = BufReader::new(guard.stdout.take().unwrap());
    let ready = words.by_ref().lines().map_while(Result::ok).find_map(|line| {
        let port = line.split_once("started successfully on port ")?.1;
        port.trim().trim_end_matches('.').parse().ok()
    });
    let port = ready.expect("chromedriver did not start: is it installed?");
    Driver { port, _guard: guard, _words: words }
});

/// Where the driver is; starts it the first time.
pub fn url() -> String {
    format!("http://127.0.0.1:{}", SHARED.port)
}

/// Ends a browser. It must work while a test is panicking, so it waits for nobody but the driver.
pub fn end_session(session: &str) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", SHARED.port)) else { return };
    let _patience = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let host = SHARED.port;
    let request =
        format!("DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1:{host}\r\nConnection: close\r\n\r\n");
    if stream.write_all(request.as_bytes()).is_ok() {
        let _answer = stream.read(&mut [0; 1024]);
    }
}
