#include "datafile/idle_memory.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/thread.h"

namespace octolake::datafile {
namespace {

constexpr int64_t kMegabyte = int64_t{1} << 20;

// Of this process, in bytes: RssAnon or RssFile.
int64_t Resident(const std::string& which) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == which + ":" && status >> kilobytes) return kilobytes << 10;
  }
  return -1;
}

// Fills memory, a part at a time, and frees it again.
template <typename Part, typename Make>
void UseAndFree(Make make) {
  std::vector<Part> parts;
  for (int i = 0; i < 96; ++i) parts.push_back(make());
}

std::shared_ptr<arrow::Buffer> FilledBuffer() {
  std::shared_ptr<arrow::Buffer> buffer = *arrow::AllocateBuffer(kMegabyte);
  std::memset(buffer->mutable_data(), 1, kMegabyte);
  return buffer;
}

TEST(IdleMemoryTest, WhatArrowKeepsGoesBack) {
  GiveBackIdleMemory();
  const int64_t before = Resident("RssAnon");
  ASSERT_GT(before, 0);
  UseAndFree<std::shared_ptr<arrow::Buffer>>(FilledBuffer);
  GiveBackIdleMemory();
  EXPECT_LT(Resident("RssAnon"), before + 24 * kMegabyte);
}

TEST(IdleMemoryTest, AThreadKeepsNoMoreThanALittle) {
  LimitIdleMemory();
  const int64_t before = Resident("RssAnon");
  int64_t after = 0;
  auto thread = StartThread("to use memory", [&after] {
    // Having seen a large one come and go, malloc would keep as much for the next.
    std::string(30 * kMegabyte, 'x').clear();
    UseAndFree<std::string>([] { return std::string(kMegabyte / 2, 'x'); });
    after = Resident("RssAnon");
  });
  ASSERT_TRUE(thread);
  thread->join();
  EXPECT_LT(after, before + 16 * kMegabyte);
}

TEST(IdleMemoryTest, CodeLeavesMemoryAndComesBack) {
  const int64_t before = Resident("RssFile");
  ASSERT_GT(before, kMegabyte);
  GiveBackIdleMemory();
  EXPECT_LT(Resident("RssFile"), before);
  // It is as it was.
  EXPECT_EQ(FilledBuffer()->size(), kMegabyte);
}

}  // namespace
}  // namespace octolake::datafile
