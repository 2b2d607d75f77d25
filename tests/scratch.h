// scratch - a directory of a test's own, entered when asked; it and all in it are gone afterwards
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <string_view>

namespace postern {

class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/postern-test-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    was_ = std::filesystem::current_path();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::filesystem::current_path(was_);
    std::filesystem::remove_all(path_);
  }

  void enter() const { std::filesystem::current_path(path_); }
  const std::string& path() const { return path_; }
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  void make_directory(const std::string& name) const { REQUIRE(mkdir(path(name).c_str(), 0755) == 0); }
  void write(const std::string& name, std::string_view text) const {
    int const file = ::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    REQUIRE(file >= 0);
    REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(file);
  }

 private:
  std::string path_;
  std::filesystem::path was_;
};

}  // namespace postern
