"use strict";
// Written by `make units` from pricing/data/units.json; change that file, never this one.

const UNITS = {
  input: "Input",
  output: "Output",
  cache_read: "cache read",
  cache_write: "cache write",
  cache_write_1h: "cache write, 1 h",
  reasoning: "reasoning",
  text_input: "text in",
  text_output: "text out",
  audio_input: "audio in",
  audio_output: "audio out",
  audio_cache_read: "audio cache read",
  image_input: "image in",
  image_output: "image out",
  image_cache_read: "image cache read",
  searches: "Searches",
};
const LINES = {
  input: "Input",
  cache_read: "Cache read",
  cache_write: "Cache write",
  output: "Output",
  audio_input: "Audio in",
  audio_cache_read: "Audio cache read",
  audio_output: "Audio out",
  image_input: "Image in",
  image_cache_read: "Image cache read",
  image_output: "Image out",
  search: "Searches",
  request: "Request",
};
const INPUT_PARTS = ["cache_read", "cache_write", "cache_write_1h", "text_input", "audio_input", "audio_cache_read", "image_input", "image_cache_read"];
const OUTPUT_PARTS = ["reasoning", "text_output", "audio_output", "image_output"];
const OTHER_UNITS = ["searches"];
