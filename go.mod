module lanyard.dev

go 1.26
