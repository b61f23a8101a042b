@0xcaefeb8214a4b168;
# What a vat offers to those who connect without saying what they want.

using Lanyard = import "/lanyard.capnp";

interface Restorer @0xfef8c37e6325532e {
  # Turns the secret of a reference into the capability that it stands for. Whoever can say the secret in the
  # question itself (the object id of Bootstrap) saves a round trip.

  restore @0 (secret :Data $Lanyard.secret) -> (cap :AnyPointer);
  # Get what a secret stands for. The secret is the last part of a reference, decoded from base64. A secret that is
  # not good here, for whatever reason, is one error.
}
