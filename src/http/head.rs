//! Heads of HTTP/1.1: what is asked, and what stands before a page (RFC 9112).
//!
//! Room:       `http`.
//! Never:      takes a body: nothing is changed over HTTP.

use super::Page;

/// A request for a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// Without what follows a question mark.
    pub path: String,
    /// It is a GET, not a HEAD.
    pub wants_body: bool,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Malformed,
    NotFound,
    OtherMethod,
    HeadTooLarge,
    Unavailable,
}

/// Header lines of a request.
const HEADERS_MAX: usize = 64;

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::Malformed => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::OtherMethod => "405 Method Not Allowed\r\nAllow: GET, HEAD",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::Unavailable => "503 Service Unavailable",
        }
    }

    /// Says what to do instead.
    pub fn page(self) -> Page {
        let body = match self {
            Status::Ok => "",
            Status::Malformed => "this is no HTTP/1.1 request\n",
            Status::NotFound => "there is no such page; try /metrics\n",
            Status::OtherMethod => "pages are fetched with GET\n",
            Status::HeadTooLarge => "the request's head has more than 8 KiB or 64 header lines\n",
            Status::Unavailable => "the broker cannot tell now; its log says why\n",
        };
        Page {
            content_type: "text/plain; charset=utf-8",
            body: body.to_owned(),
        }
    }
}

/// Reads the head of a request; `None` while it is not whole.
///
/// # Errors
/// What to answer instead of a page.
pub fn parse(received: &[u8]) -> Result<Option<Asked>, Status> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(received) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
        Err(_) => return Err(Status::Malformed),
    }
    let wants_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Err(Status::OtherMethod),
    };
    let target = request.path.unwrap_or_default();
    // A proxy asks for a whole address.
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    Ok(Some(Asked {
        path: path.to_owned(),
        wants_body,
    }))
}

/// What stands before a page; the connection ends behind it.
pub fn response(page: &Page, status: Status) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        status.line(),
        page.content_type,
        page.body.len(),
    );
    head.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, wants_body: bool) -> Result<Option<Asked>, Status> {
        let path = path.to_owned();
        Ok(Some(Asked { path, wants_body }))
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole = b"GET /metrics?name[]=x HTTP/1.1\r\nHost: h\r\n\r\n";
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), Ok(None), "{length}");
        }
        assert_eq!(parse(whole), asked("/metrics", true));
        assert_eq!(parse(b"HEAD / HTTP/1.0\r\n\r\n"), asked("/", false));
        let by_proxy = b"GET http://broker:9644/metrics HTTP/1.1\r\n\r\n";
        assert_eq!(parse(by_proxy), asked("/metrics", true));
    }

    #[test]
    fn what_is_no_request_for_a_page_is_told_so() {
        let refused = |text: &[u8]| parse(text).expect_err("refused");
        assert_eq!(refused(b"POST / HTTP/1.1\r\n\r\n"), Status::OtherMethod);
        assert_eq!(refused(b"\0\0\0\x10\0\x12\0\x03"), Status::Malformed);
        let mut many = b"GET / HTTP/1.1\r\n".to_vec();
        (0..=HEADERS_MAX).for_each(|_| many.extend(b"a: b\r\n"));
        assert_eq!(refused(&many), Status::HeadTooLarge);
    }

    #[test]
    fn a_response_says_how_long_it_is() {
        let page = Status::NotFound.page();
        let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
                    Content-Length: 36\r\nConnection: close\r\n\r\n";
        assert_eq!(response(&page, Status::NotFound), head.as_bytes());
        assert_eq!(page.body.len(), 36);
    }
}
