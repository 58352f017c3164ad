//! Previews of pages on this machine.

use std::io::Cursor;
use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn png() -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let picture = image::DynamicImage::new_rgb8(900, 300);
    picture
        .write_to(&mut out, image::ImageFormat::Png)
        .expect("a picture");
    out.into_inner()
}

async fn site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = socket.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let garden = "<title>plain</title><meta property=og:title content='The G\u{e4}rden'><meta property=og:image content='/bed'>\
                <meta property=og:image:alt content='A bed'><meta property=og:site_name content=Leaf>";
            let answer = match request.split(' ').nth(1).unwrap_or_default() {
                "/garden" => answer("text/html; charset=utf-8", garden.as_bytes()),
                // Whatever it is called.
                "/bed" | "/bed.png" => answer("image/svg+xml", &png()),
                "/drawing" => answer("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
                "/drawn" => answer("text/html", b"<title>Drawn</title><meta property=og:image content='/drawing'>"),
                "/inside" => answer("text/html", b"<title>In</title><meta property=og:image content='http://10.0.0.1/router.png'>"),
                "/untitled" => answer("text/html", b"<p>nothing"),
                _ => answer("application/pdf", b"%PDF"),
            };
            let _ = socket.write_all(&answer).await;
        }
    });
    address
}

fn previews(toml: &str) -> Previews {
    let config = crate::config::parse(Path::new("hauspost.toml"), toml, []);
    Previews::new(&config.expect("a configuration")).expect("a client")
}

#[tokio::test]
async fn a_page_shows_what_it_says_of_itself_and_its_picture() {
    let site = site().await;
    let previews = previews("[previews]\nallowed_networks = ['127.0.0.1']");
    let url = format!("http://{site}/garden");
    let made = previews.make(url.clone()).await.expect("a preview");
    let picture = made.picture.clone().expect("a picture");
    assert_eq!((made.url, made.target), (url.clone(), url));
    assert_eq!(made.title, "The G\u{e4}rden");
    assert_eq!(made.site_name.as_deref(), Some("Leaf"));
    assert_eq!(
        (picture.media_type.as_str(), picture.alt.as_deref()),
        ("image/jpeg", Some("A bed"))
    );
    let seen = image::load_from_memory(&picture.data).expect("a JPEG");
    assert_eq!(seen.width(), 400);
    let made = previews
        .make(format!("http://{site}/bed.png"))
        .await
        .expect("a preview");
    assert_eq!(made.title, "bed.png");
    assert!(made.picture.is_some());
}

#[tokio::test]
async fn what_is_no_picture_of_the_web_is_left_out() {
    let site = site().await;
    let previews = previews("[previews]\nallowed_networks = ['127.0.0.1']");
    for (path, title) in [("drawn", "Drawn"), ("inside", "In")] {
        let made = previews
            .make(format!("http://{site}/{path}"))
            .await
            .expect("a preview");
        assert_eq!((made.title.as_str(), made.picture), (title, None));
    }
    for path in ["drawing", "untitled", "file.pdf"] {
        let made = previews.make(format!("http://{site}/{path}")).await;
        assert_eq!(made, Err(NoPreview::Nothing), "{path}");
    }
}

#[tokio::test]
async fn without_leave_nothing_inside_is_fetched() {
    let site = site().await;
    let made = previews("").make(format!("http://{site}/garden")).await;
    assert_eq!(made, Err(NoPreview::Barred));
}
