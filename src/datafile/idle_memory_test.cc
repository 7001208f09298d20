#include "datafile/idle_memory.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
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

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Their allocators keep what is freed.

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
#endif

// Of malloc.
int64_t Arenas() {
  char* text = nullptr;
  size_t bytes = 0;
  std::FILE* stream = open_memstream(&text, &bytes);
  malloc_info(0, stream);
  std::fclose(stream);
  const std::string info(text, bytes);
  std::free(text);  // NOLINT
  int64_t arenas = 0;
  for (size_t at = 0; (at = info.find("<heap nr=", at)) != std::string::npos; ++at) ++arenas;
  return arenas;
}

// Ends with 0 if eight threads that have memory at the same time have made no more than two.
[[noreturn]] void UseArenas() {
  LimitArenas();
  constexpr int kThreads = 8;
  std::barrier all_have(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&all_have] {
      const std::string text(1000, 'x');
      all_have.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(Arenas() <= 2 ? 0 : 1);
}

TEST(IdleMemoryDeathTest, ThreadsShareArenas) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(UseArenas(), testing::ExitedWithCode(0), "");
}

// Ends with 0 if a page of large memory that is meant for large pages takes no more than itself.
[[noreturn]] void TouchAPage() {
  TakeMemoryByThePage();
  const int64_t before = Resident("RssAnon");
  void* memory =
      mmap(nullptr, 64 * kMegabyte, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) _exit(2);
  madvise(memory, 64 * kMegabyte, MADV_HUGEPAGE);
  static_cast<char*>(memory)[32 * kMegabyte] = 1;
  _exit(Resident("RssAnon") - before < kMegabyte ? 0 : 1);
}

TEST(IdleMemoryDeathTest, MemoryComesByThePage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(TouchAPage(), testing::ExitedWithCode(0), "");
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
