@0xb3a5a7d2c1f0496e;
# A contact book, what one may do with one contact, and mail to somebody whose address stays in the book.
#
# Less authority is another interface, not a flag: a name-only book has no method that shows a card, a mailer's draft
# has no field for an address. Every narrowing is a method, so whoever holds something can make less of it, and deep:
# what comes out of a narrowed book is narrowed alike.
#
# Narrowing takes a label. The same narrowing with the same label is the same thing again, after a restart too; with
# another label it is another: its ids, budgets, keys and queues have nothing to do with those of the first, so that
# two holders who put their heads together cannot tell which of their contacts are the same.
#
# Times are seconds since 1970, UTC. Lists come in pages: pass `next` as `after` until it is empty.

using import "/lanyard.capnp".readOnly;
using import "/lanyard.capnp".idempotent;
using import "/lanyard.capnp".secret;

# ---- books, narrow to wide ----

interface NameBook {
  # Who is in the book, by name, for picking somebody. Nothing else of a card can be read through it.

  names @0 (after :Text, max :UInt16) -> (names :List(Name), next :Text) $readOnly;
  # A page of names. Max is at most 500, 0 is 100.

  findNames @1 (text :Text, max :UInt16) -> (names :List(Name)) $readOnly;
  # Those whose names have every word of the text in them, however it is written (é, É and e with an accent after it
  # are the same letter, and so is e).

  pick @2 (id :Text) -> (contact :ContactName) $readOnly;
  # One of them. The id is checked to be of this book; whether the contact still exists its methods say.

  struct Name {
    id @0 :Text;
    # Names the contact in this view of the book, and nowhere else.

    name @1 :Text;
  }
}

interface CardBook extends(NameBook) {
  # Cards to read, and nothing to change. The fields that this view of the book does not have are not there, and are
  # not searched either.

  list @0 (after :Text, max :UInt16) -> (cards :List(Card), next :Text) $readOnly;
  # A page of cards, the oldest first. Max is at most 200, 0 is 50.

  find @1 (text :Text, max :UInt16) -> (cards :List(Card)) $readOnly;
  # Cards that have every word of the text in them somewhere.

  look @2 (id :Text) -> (contact :ContactCard) $readOnly;
  # One contact, to read.

  groups @3 () -> (groups :List(Group)) $readOnly;
  # The groups and how many of this view's contacts are in each.

  exportCards @4 (after :Text, max :UInt16, version :Version) -> (vcards :Data, next :Text) $readOnly;
  # A page of vCards. Max is at most 200, 0 is 50.

  watch @5 (watcher :Watcher) -> (watching :Watching);
  # Tells the watcher of every change that this view shows, until `watching` is dropped.

  nameOnly @6 (label :Text) -> (book :NameBook) $readOnly;
  # Names, and nothing else.

  fields @7 (mask :List(Field), label :Text) -> (book :CardBook) $readOnly;
  # Only these fields of every card.

  members @8 (group :Text, label :Text) -> (book :CardBook) $readOnly;
  # Only the contacts in a group.

  struct Group {
    name @0 :Text;
    size @1 :UInt32;
  }

  enum Version {
    v4 @0;
    v3 @1;
  }

  interface Watcher {
    # Whoever wants to be told implements it.

    changed @0 (id :Text, change :Change) -> ();
  }

  enum Change {
    added @0;
    # It came into view.
    updated @1;
    removed @2;
    # It went out of view.
    missed @3;
    # There were more changes than the watcher took: list again. The id is empty.
  }

  interface Watching {
    # Drop it to stop watching.
  }
}

interface ContactBook extends(CardBook) {
  # The whole book, or a whole group of it.

  add @0 (card :Card) -> (id :Text, contact :Contact);
  # A new contact. In a group's book it is put into the group.

  update @1 (id :Text, card :Card, only :List(Field)) -> () $idempotent;
  # Replace fields of a card by those of another; an empty list means all. What vCard properties the card had besides
  # stay. A group's book does not take a contact out of the group.

  remove @2 (id :Text) -> () $idempotent;
  # Remove a contact for good. Mailers to it go on taking mail, which goes nowhere.

  contact @3 (id :Text) -> (contact :Contact) $idempotent;
  # One contact, with all that can be done with it but to change it.

  importCards @4 (vcards :Data) -> (added :UInt32, updated :UInt32, problems :List(Text)) $idempotent;
  # Take in vCards of version 3 or 4. A card with the UID of one in the book updates it. Cards that cannot be read are
  # left out, each with its reason. Nothing that a card points at is fetched.

  block @5 (id :Text, blocked :Bool) -> () $idempotent;
  # Blocked contacts get no mail. Those who send it are not told.

  mails @6 (after :Text, max :UInt16) -> (mails :List(Mail), next :Text) $readOnly;
  # What became of mail to this book's contacts, the oldest first.

  approvals @7 () -> (queue :ApprovalQueue) $idempotent;
  # Mail that waits because the policy of its mailer, got from a contact of this book, says `approval`.

  readOnly @8 (label :Text) -> (book :CardBook) $readOnly;
  # The same book with nothing to change.

  group @9 (group :Text, label :Text) -> (book :ContactBook) $idempotent;
  # A book of the contacts in a group.

  struct Mail {
    id @0 :Text;
    contact @1 :Text;
    # The contact's id; empty once it is removed.
    subject @2 :Text $secret;
    state @3 :State;
    detail @4 :Text;
    # What the mail system said, for the owner's eyes.
    created @5 :Int64;
    tries @6 :UInt32;

    enum State {
      waiting @0;
      # For an approval.
      queued @1;
      sent @2;
      # Taken by the mail system.
      bounced @3;
      # Given up: refused, or no answer for too long.
      dropped @4;
      # The contact is blocked, removed, without an address, or no longer in the mailer's group.
      rejected @5;
      # By whoever had to approve it.
      delayed @6;
      # More mail than the book may send for now.
    }
  }
}

# ---- one contact, narrow to wide ----

interface ContactName {
  # Somebody, by name.

  display @0 () -> (name :Text, photo :Data) $readOnly;
}

interface ContactCard extends(ContactName) {
  # Somebody's card, as far as this view of it goes.

  card @0 (only :List(Field)) -> (card :Card) $readOnly;
  # The card, or only some of its fields. Its id is empty: a contact does not know by which name it was found.

  nameOnly @1 () -> (contact :ContactName) $readOnly;

  fields @2 (mask :List(Field)) -> (contact :ContactCard) $readOnly;
  # Only these fields.

  samePerson @3 (other :ContactCard) -> (same :Bool) $readOnly;
  # Whether the other is the same contact of the same book, through whatever views.

  mark @4 (challenge :Data) -> (mark :Data) $readOnly;
  # What samePerson asks the other.
}

interface Contact extends(ContactCard) {
  # Somebody whose card can be read and who can be written to.

  mailer @0 (policy :MailPolicy) -> (mailer :ContactMailer) $idempotent;
  # Writes to this contact, and tells nothing of who that is.

  readOnly @1 () -> (contact :ContactCard) $readOnly;
  # The card without the mailer.

  struct MailPolicy {
    # Nothing set is the book's default.

    label @0 :Text;
    # Mailers with different labels share no keys, budgets or replies.
    sends @1 :UInt32;
    perSeconds @2 :UInt32;
    # At most so many mails in any so many seconds; 0 seconds: for ever.
    notAfter @3 :Int64;
    subjectPrefix @4 :Text;
    approval @5 :Bool;
    # The book's approvals() must let each mail pass.
    textOnly @6 :Bool;
    # No HTML and no attachments.
  }
}

# ---- mail ----

interface ContactMailer {
  # Writes to one contact in the name of the book's owner. Who it is, what the address is, and whether mail arrives
  # cannot be learnt from it: the answer is the same for everybody.

  send @0 (draft :Draft, key :Text) -> (receipt :Receipt) $idempotent;
  # Take a mail for sending. The key is yours, not empty and new for each mail: the same key again sends nothing and
  # gives the first receipt.

  remaining @1 () -> (sends :UInt32, notAfter :Int64) $readOnly;
  # How many mails can be sent now, and until when (0: no end).

  replies @2 (after :Text, max :UInt16) -> (replies :List(Reply), next :Text) $readOnly;
  # Answers to what was sent with this mailer: text, and no address. What looks like one is taken out of the text. What
  # else people write about themselves is not.

  budget @3 (sends :UInt32, perSeconds :UInt32, label :Text) -> (mailer :ContactMailer) $idempotent;
  # At most so many mails in any so many seconds (0 seconds: for ever), and within what this mailer may send.

  expires @4 (at :Int64, label :Text) -> (mailer :ContactMailer) $idempotent;
  # No mail from that time on.

  subjectPrefix @5 (prefix :Text, label :Text) -> (mailer :ContactMailer) $idempotent;
  # Subjects begin with it, after the prefixes of this mailer.

  requireApproval @6 (label :Text) -> (mailer :ContactMailer) $idempotent;
  # Each mail waits for approvals(label).approve.

  approvals @7 (label :Text) -> (queue :ApprovalQueue) $idempotent;
  # What waits because of requireApproval(label) of this very mailer.

  textOnly @8 (label :Text) -> (mailer :ContactMailer) $idempotent;
  # No HTML and no attachments.
}

interface ReplyPort {
  # The right to answer somebody who answered: a few mails, for some days.

  reply @0 (draft :Draft, key :Text) -> (receipt :Receipt) $idempotent;
  # As ContactMailer.send, but the subject is that of the mail that is answered.

  remaining @1 () -> (sends :UInt32, notAfter :Int64) $readOnly;
}

interface ApprovalQueue {
  # Mail that waits for somebody's yes.

  list @0 (after :Text, max :UInt16) -> (mails :List(Pending), next :Text) $readOnly;

  approve @1 (id :Text) -> (decision :Decision) $idempotent;
  # Let it pass. What has been decided stays decided, and is returned.

  reject @2 (id :Text) -> (decision :Decision) $idempotent;
  # Never send it. Who sent it is not told.

  struct Pending {
    id @0 :Text;
    draft @1 :Draft;
    # As it would go out, subject prefixes included.
    to @2 :Text $secret;
    # The name on the card; only in the queue of a book.
    label @3 :Text;
    # Of the mailer that took it.
    created @4 :Int64;
  }

  enum Decision {
    approved @0;
    rejected @1;
  }
}

struct Draft {
  # A mail, as far as it is the sender's business. Addresses, date and every other header are not.

  subject @0 :Text $secret;
  text @1 :Text $secret;
  html @2 :Text $secret;
  # At least one of text and html.
  attachments @3 :List(Attachment);

  struct Attachment {
    name @0 :Text $secret;
    # A file name, without folders.
    mediaType @1 :Text;
    # Such as image/png; empty: application/octet-stream.
    content @2 :Data $secret;
  }
}

struct Receipt {
  # The mail was taken.

  id @0 :Text;
  held @1 :Bool;
  # The mailer asks for an approval first.
}

struct Reply {
  id @0 :Text;
  receipt @1 :Text;
  # Which mail it answers.
  subject @2 :Text $secret;
  text @3 :Text $secret;
  received @4 :Int64;
  port @5 :ReplyPort;
}

# ---- cards ----

enum Field {
  # The fields of a card, for masks. A name is always there.

  name @0;
  nickname @1;
  emails @2;
  phones @3;
  postal @4;
  organization @5;
  title @6;
  birthday @7;
  note @8;
  urls @9;
  photo @10;
  groups @11;
  uid @12;
  other @13;
  # Properties of the vCard that have no field here.
}

struct Card {
  id @0 :Text;
  # In the view that the card came through; not read in add and update.
  name @1 :Text;
  # As it is shown: Carol Danvers.
  family @2 :Text;
  given @3 :Text;
  nickname @4 :Text;
  emails @5 :List(Line) $secret;
  # The first is the one that mail goes to.
  phones @6 :List(Line) $secret;
  postal @7 :List(Line) $secret;
  # Whole addresses, lines apart.
  organization @8 :Text;
  title @9 :Text;
  birthday @10 :Text;
  # As in a vCard: 1968-03-12, or --0312 without the year.
  note @11 :Text $secret;
  urls @12 :List(Line);
  photo @13 :Data;
  # A picture that stood in the card itself. One that the card only points at is not fetched.
  groups @14 :List(Text);
  uid @15 :Text;
  other @16 :List(Property);

  struct Line {
    kind @0 :Text;
    # home, work, cell …; may be empty.
    value @1 :Text;
  }

  struct Property {
    name @0 :Text;
    value @1 :Text;
    # As it stands in the vCard, parameters left out.
  }
}
