//! What is asked, what is not, and what comes back: against servers on this machine.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Serves answers made of the path of a request, for as long as the test goes; gives its address.
async fn served(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            // Who is asked may go away in the middle of it.
            let _ = socket.write_all(&answer(path)).await;
        }
    });
    address
}

fn page(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=UTF-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into()
}

fn redirect(to: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .into()
}

fn outbound(allowed: &str) -> Outbound {
    let reach = Reach {
        allowed: vec![allowed.parse().expect("a network")],
    };
    Outbound::new(reach, Duration::from_secs(5)).expect("a client")
}

fn is_barred(got: &Result<Got, NotGot>) -> bool {
    matches!(got, Err(NotGot::Barred(_)))
}

#[tokio::test]
async fn a_page_comes_by_way_of_redirects() {
    let there = served(|path| match path {
        "/start" => redirect("/middle"),
        "/middle" => redirect("end?a=1"),
        "/end?a=1" => page("the end"),
        _ => page("somewhere else"),
    })
    .await;
    let got = outbound("127.0.0.1")
        .get(&format!("http://{there}/start#part"), "*/*", 100)
        .await;
    let got = got.expect("a page");
    assert_eq!(got.url.as_str(), format!("http://{there}/end?a=1"));
    assert_eq!(got.content_type, "text/html; charset=utf-8");
    assert_eq!((&*got.body, got.complete), (&b"the end"[..], true));
}

#[tokio::test]
async fn a_redirect_leads_nowhere_inside() {
    // Reachable, and not allowed.
    let inside = served(|_| page("secret")).await;
    let port = inside.port();
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://localhost:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://localhost/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "//127.0.0.1/".to_owned(),
    ] {
        let to = target.clone();
        let outside = TcpListener::bind("127.0.0.2:0").await.expect("a port");
        let address = outside.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut socket, _) = outside.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(&redirect(&to)).await;
        });
        let got = outbound("127.0.0.2")
            .get(&format!("http://{address}/"), "*/*", 100)
            .await;
        assert!(is_barred(&got), "{target}: {got:?}");
    }
}

#[tokio::test]
async fn names_and_addresses_inside_are_not_asked() {
    let nobody = Outbound::new(Reach::default(), Duration::from_secs(5)).expect("a client");
    for address in [
        "http://localhost/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
    ] {
        let got = nobody.get(address, "*/*", 100).await;
        assert!(is_barred(&got), "{address}: {got:?}");
    }
}

/// The name is resolved once, for the connection itself: what it says before or afterwards counts for nothing.
#[tokio::test]
async fn a_name_is_connected_to_where_it_was_checked() {
    let there = served(|_| page("the page")).await;
    let only_five = Reach {
        allowed: vec!["127.0.0.5".parse().expect("a network")],
    };
    // `localhost` is on this machine, and where it leads is not what was allowed.
    let client = client(&only_five, Duration::from_secs(5)).expect("a client");
    let asked = client
        .get(format!("http://localhost:{}/", there.port()))
        .send()
        .await;
    assert!(matches!(
        why(&asked.expect_err("barred")),
        NotGot::Barred(Barred::Inside)
    ));
}

#[tokio::test]
async fn redirects_sizes_and_answers_are_bounded() {
    let there = served(|path| match path {
        "/circle" => redirect("/circle"),
        "/nowhere" => redirect("http://[broken/"),
        "/missing" => {
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        }
        "/broken" => b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
        "/nonsense" => b"220 mail.example ESMTP\r\n".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec(),
        _ => page(&"x".repeat(100_000)),
    })
    .await;
    let web = outbound("127.0.0.1");
    let get = async |path: &str| {
        web.get(&format!("http://{there}{path}"), "*/*", 1_000)
            .await
    };
    let large = get("/large").await.expect("its beginning");
    assert_eq!((large.body.len(), large.complete), (1_000, false));
    for path in ["/circle", "/nowhere", "/missing"] {
        let got = get(path).await;
        assert!(matches!(got, Err(NotGot::Nothing)), "{path}: {got:?}");
    }
    for path in ["/broken", "/nonsense", "/cut"] {
        let got = get(path).await;
        assert!(matches!(got, Err(NotGot::Unreachable)), "{path}: {got:?}");
    }
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let reach = Reach {
        allowed: vec!["127.0.0.1".parse().expect("a network")],
    };
    let impatient = Outbound::new(reach, Duration::from_millis(50)).expect("a client");
    let got = impatient
        .get(&format!("http://{address}/"), "*/*", 100)
        .await;
    assert!(matches!(got, Err(NotGot::Unreachable)), "{got:?}");
}
