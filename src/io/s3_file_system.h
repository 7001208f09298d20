// FileSystem on S3 and on stores that speak its protocol, through Arrow. Locations are
// s3://BUCKET/KEY; s3a://BUCKET/KEY names the same object, as Spark writes it.
//
// How the contract of io/file_system.h is met:
// - An object is there whole or not at all: Close completes the upload, and the store has it on its
//   disks when it says so. An upload that is given up before Close, or whose Append failed, is
//   taken back, if the store is there by then. One whose Close failed is not: Arrow forgets it, and
//   only the object is removed, should it be there all the same. Then, and when a process is
//   killed, parts of a large object stay in the store's list of unfinished uploads, where no
//   listing of files shows them; a lifecycle rule of the bucket (AbortIncompleteMultipartUpload)
//   removes them.
// - Nothing is overwritten: CreateNew looks whether the name is taken. Arrow has no conditional
//   put, so that two who create one name at the same moment would both succeed; names of data and
//   metadata files have a random UUID in them, so no two do.
// - Move is a copy within the store, then the removal of the old name.
// - There are no directories. Times of modification are whole seconds.
// - What fails because the store is away, or busy, is tried again with growing waits for
//   `retry_for_ms`, then kTransient.
// - Where the store refuses a request for its time, it is signed again with the store's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"

namespace octolake::io {

struct S3Settings {
  std::string endpoint;  // http(s)://HOST[:PORT], buckets by path; empty: AWS
  std::string region;    // empty: AWS's own rules; us-east-1 with an endpoint
  // Both empty: what the AWS SDK finds (environment, profile, role of the machine).
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  int64_t retry_for_ms = 60'000;
};

// kInvalidArgument for settings that cannot be used. Talks to no server yet. Thread-safe.
Result<std::unique_ptr<FileSystem>> MakeS3FileSystem(const S3Settings& settings);

// Whether a bucket is there and may be used; "s3://bucket/any/prefix". kNotFound if it is not.
Status CheckS3Bucket(const S3Settings& settings, const std::string& location);

// The settings with the credentials and the region that are used now, wherever they come from. They
// may be valid for an hour only.
Result<S3Settings> ResolveS3Settings(const S3Settings& settings);

// Whether a location begins with s3:// or s3a://.
bool IsS3Location(std::string_view location);

// s3a://bucket/key -> s3://bucket/key; others as they are.
std::string CanonicalS3Location(std::string_view location);

// The file of certificates that servers are checked against: $SSL_CERT_FILE, else where Debian's
// and other distributions have theirs; "" if there is none.
std::string CertificatesFile();

}  // namespace octolake::io
