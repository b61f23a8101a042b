module lanyard.dev/bench

go 1.26

require lanyard.dev v0.0.0

replace lanyard.dev => ../
