// The name of a transfer beyond its session: who sends the same files again gives the same name, so
// that the receiver finds what it has of them.
#pragma once

#include "base/bytes.h"
#include "base/file_info.h"
#include "base/token.h"

namespace millrace {

// Keyed BLAKE2b-128 over what a manifest says of the files. `secret`: 16 to 64 bytes of the
// sender's; without them nobody can tell which files a token stands for. The token only says where
// to look: what is found there is hashed before it is claimed. Cost: linear in the files.
TransferToken DeriveTransferToken(ByteView secret, const FileList& files);

}  // namespace millrace
