// The invented people, repositories and words of the generator. All functions are pure: the same
// number gives the same name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "event/generator_random.h"

namespace octolake::event {

struct Account {
  int64_t id = 0;
  std::string login;
};

struct Repository {
  int64_t id = 0;
  Account owner;
  bool organization = false;
  std::string name;  // without its owner

  std::string FullName() const { return owner.login + '/' + name; }
};

Account MakeActor(int64_t number);
// `actors` is how many there are: one of them, or an organization, owns the repository.
Repository MakeRepository(int64_t number, int64_t actors);

// A line of text, now and then in another script or with a line separator.
std::string MakeTitle(Dice& dice);
// Markdown of a few hundred bytes, rarely up to 60 KB.
std::string MakeBody(Dice& dice);

}  // namespace octolake::event
