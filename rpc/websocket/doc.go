// Package websocket carries RPC connections over WebSocket, for peers that reach each other through
// HTTP only: behind proxies, or from a browser. Between programs that can connect directly, plain
// sockets ([rpc.Dial], [rpc.Serve]) are simpler and faster.
//
// Each binary WebSocket message is one Cap'n Proto message, with its segment table in front, as in
// C++ (capnp/compat/websocket-rpc.h); there is no subprotocol, and no compression. A text message
// ends the connection.
//
//	http.Handle("/rpc", websocket.NewHandler(func(*http.Request) (calc.Calculator, error) {
//		return calculator.New(nil), nil
//	}, nil))
//
//	conn, err := websocket.Dial(ctx, "wss://example.com/rpc", nil)
//	c := rpc.Bootstrap[calc.Calculator](ctx, conn)
package websocket
