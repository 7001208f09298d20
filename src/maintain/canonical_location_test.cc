#include "maintain/canonical_location.h"

#include <gtest/gtest.h>

namespace octolake::maintain {
namespace {

TEST(LocationSpellingTest, ObjectsAreComparedByBucketAndKey) {
  LocationSpelling spelling({}, /*is_local=*/false);
  EXPECT_EQ(spelling.Canonical("s3://b/t/data/x=1/a b%20.parquet").value(),
            "s3://b/t/data/x=1/a b%20.parquet");
  EXPECT_EQ(spelling.Canonical("s3a://b/t/x").value(), "s3://b/t/x");
  EXPECT_EQ(spelling.Canonical("s3://b/t/../x").value(), "s3://b/t/../x") << "keys are bytes";
  EXPECT_EQ(spelling.CanonicalDirectory("s3a://b/t/").value(), "s3://b/t");
}

TEST(LocationSpellingTest, WhatMayBeAnObjectUnderAnotherNameIsRefused) {
  LocationSpelling spelling({{"https://store/b", "s3://b"}}, /*is_local=*/false);
  EXPECT_EQ(spelling.Canonical("https://store/b/x").value(), "s3://b/x");
  for (const char* location : {"/mnt/b/x", "file:///mnt/b/x", "gs://b/x", "s3://b//x"}) {
    const auto canonical = spelling.Canonical(location);
    ASSERT_FALSE(canonical) << location;
    EXPECT_EQ(canonical.error().kind, ErrorKind::kUnsupported);
  }
}

TEST(LocationSpellingTest, OfALocalWarehouseObjectsMayBeMountedFiles) {
  LocationSpelling spelling({}, /*is_local=*/true);
  EXPECT_EQ(spelling.Canonical("s3://b/x").error().kind, ErrorKind::kUnsupported);
  LocationSpelling mounted({{"s3://b", "/nowhere/b"}}, /*is_local=*/true);
  EXPECT_EQ(mounted.Canonical("s3://b/x").value(), "/nowhere/b/x");
}

}  // namespace
}  // namespace octolake::maintain
