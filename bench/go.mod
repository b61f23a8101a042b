module lanyard.dev/bench

go 1.26

replace lanyard.dev => ../

require lanyard.dev v0.0.0 // indirect

tool lanyard.dev/interop/gopeer
