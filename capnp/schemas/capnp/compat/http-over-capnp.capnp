@0xb665280aaff2e632;
# HTTP as capabilities: a service is an object, a body is a stream, a WebSocket is a pair of objects.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp");
$Cxx.allowCancellation;

using import "/capnp/compat/byte-stream.capnp".ByteStream;

interface HttpService {
  # Something that answers HTTP requests.

  request @1 (request :HttpRequest, context :ClientRequestContext)
          -> (requestBody :ByteStream);
  # Make a request. The body is written to `requestBody`, which is null if the request says that it has
  # none; use it before the call returns, by pipelining. The response arrives by a call on `context`. The
  # call returns when the server is entirely done; cancelling it cancels the request.

  startRequest @0 (request :HttpRequest, context :ClientRequestContext)
               -> (requestBody :ByteStream, context :ServerRequestContext);
  # Deprecated form of `request` that returns early; the returned context stands for the running
  # request.

  connect @2 (host :Text, headers :List(HttpHeader), down :ByteStream,
              context :ConnectClientRequestContext, settings :ConnectSettings)
          -> (up :ByteStream);
  # Open a CONNECT tunnel to the host. Bytes for the host go to `up`, bytes from it arrive at `down`.
  # `context` learns whether the tunnel was accepted.

  interface ClientRequestContext {
    # The caller's side of a request: where the response goes.

    startResponse @0 (response :HttpResponse) -> (body :ByteStream);
    # Send status and headers and get the stream for the body. It is null if the response cannot have
    # a body.

    startWebSocket @1 (headers :List(HttpHeader), upSocket :WebSocket)
                   -> (downSocket :WebSocket);
    # Accept a WebSocket. The client sends its frames to `upSocket`, the server to `downSocket`.
  }

  interface ConnectClientRequestContext {
    # The caller's side of a tunnel.

    startConnect @0 (response :HttpResponse);
    # The tunnel is open.

    startError @1 (response :HttpResponse) -> (body :ByteStream);
    # The tunnel was refused; the body may explain.
  }

  interface ServerRequestContext {
    # A running request, for `startRequest` only. Dropping it cancels the request. It is a promise that
    # resolves when the server is done, or breaks if the server failed.
  }
}

struct ConnectSettings {
  # How to open a tunnel.

  useTls @0 :Bool;
  # Speak TLS with the host from the start.
}

interface WebSocket {
  # The receiving end of one direction of a WebSocket.

  sendText @0 (text :Text) -> stream;
  # Send a text frame.

  sendData @1 (data :Data) -> stream;
  # Send a binary frame.

  close @2 (code :UInt16, reason :Text);
  # Send a close frame.
}

struct HttpRequest {
  # The head of a request.

  method @0 :HttpMethod;
  url @1 :Text;
  headers @2 :List(HttpHeader);

  bodySize :union {
    unknown @3 :Void;
    # Chunked.

    fixed @4 :UInt64;
    # The content length.
  }
}

struct HttpResponse {
  # The head of a response.

  statusCode @0 :UInt16;

  statusText @1 :Text;
  # Null stands for the usual text of the code.

  headers @2 :List(HttpHeader);

  bodySize :union {
    unknown @3 :Void;
    # Chunked.

    fixed @4 :UInt64;
    # The content length.
  }
}

enum HttpMethod {
  # The methods a request can have.

  get @0;
  head @1;
  post @2;
  put @3;
  delete @4;
  patch @5;
  purge @6;
  options @7;
  trace @8;
  copy @9;
  lock @10;
  mkcol @11;
  move @12;
  propfind @13;
  proppatch @14;
  search @15;
  unlock @16;
  acl @17;
  report @18;
  mkactivity @19;
  checkout @20;
  merge @21;
  msearch @22;
  notify @23;
  subscribe @24;
  unsubscribe @25;
  query @26;
  ban @27;
}

annotation commonText @0x857745131db6fc83 (enumerant) :Text;
# The text that the enumerant stands for.

enum CommonHeaderName {
  # Header names that are sent as numbers.

  invalid @0;
  # Never sent.

  acceptCharset @1 $commonText("Accept-Charset");
  acceptEncoding @2 $commonText("Accept-Encoding");
  acceptLanguage @3 $commonText("Accept-Language");
  acceptRanges @4 $commonText("Accept-Ranges");
  accept @5 $commonText("Accept");
  accessControlAllowOrigin @6 $commonText("Access-Control-Allow-Origin");
  age @7 $commonText("Age");
  allow @8 $commonText("Allow");
  authorization @9 $commonText("Authorization");
  cacheControl @10 $commonText("Cache-Control");
  contentDisposition @11 $commonText("Content-Disposition");
  contentEncoding @12 $commonText("Content-Encoding");
  contentLanguage @13 $commonText("Content-Language");
  contentLength @14 $commonText("Content-Length");
  contentLocation @15 $commonText("Content-Location");
  contentRange @16 $commonText("Content-Range");
  contentType @17 $commonText("Content-Type");
  cookie @18 $commonText("Cookie");
  date @19 $commonText("Date");
  etag @20 $commonText("ETag");
  expect @21 $commonText("Expect");
  expires @22 $commonText("Expires");
  from @23 $commonText("From");
  host @24 $commonText("Host");
  ifMatch @25 $commonText("If-Match");
  ifModifiedSince @26 $commonText("If-Modified-Since");
  ifNoneMatch @27 $commonText("If-None-Match");
  ifRange @28 $commonText("If-Range");
  ifUnmodifiedSince @29 $commonText("If-Unmodified-Since");
  lastModified @30 $commonText("Last-Modified");
  link @31 $commonText("Link");
  location @32 $commonText("Location");
  maxForwards @33 $commonText("Max-Forwards");
  proxyAuthenticate @34 $commonText("Proxy-Authenticate");
  proxyAuthorization @35 $commonText("Proxy-Authorization");
  range @36 $commonText("Range");
  referer @37 $commonText("Referer");
  refresh @38 $commonText("Refresh");
  retryAfter @39 $commonText("Retry-After");
  server @40 $commonText("Server");
  setCookie @41 $commonText("Set-Cookie");
  strictTransportSecurity @42 $commonText("Strict-Transport-Security");
  transferEncoding @43 $commonText("Transfer-Encoding");
  userAgent @44 $commonText("User-Agent");
  vary @45 $commonText("Vary");
  via @46 $commonText("Via");
  wwwAuthenticate @47 $commonText("WWW-Authenticate");
}

enum CommonHeaderValue {
  # Header values that are sent as numbers.

  invalid @0;
  # Never sent.

  gzipDeflate @1 $commonText("gzip, deflate");
}

struct HttpHeader {
  # A header line.

  union {
    common :group {
      # A header with a well-known name.

      name @0 :CommonHeaderName;

      union {
        commonValue @1 :CommonHeaderValue;
        value @2 :Text;
      }
    }

    uncommon @3 :NameValue;
    # Any other header.
  }

  struct NameValue {
    # A header in plain text.

    name @0 :Text;
    value @1 :Text;
  }
}
