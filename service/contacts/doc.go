// Package contacts serves a contact book, and mail to contacts whose addresses stay in the book. It
// is not a mail server or a groupware store: mail goes out through somebody's SMTP server or into a
// maildir, and there is one book in one SQLite file.
package contacts

//go:generate go run lanyard.dev/cmd/lanyard schema gen .
