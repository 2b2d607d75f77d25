// catch - Catch2's header, which make compiles once for all unit tests
#include <catch2/catch.hpp>
