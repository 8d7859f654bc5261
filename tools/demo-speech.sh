#!/bin/sh
# Write a few seconds of synthetic speech, for the demo clip.
#
#   tools/demo-speech.sh OUT.wav
set -eu

if ! command -v espeak-ng >/dev/null; then
    echo "demo-speech: espeak-ng is not installed, so there is no voice for the demo clip." >&2
    echo "  Install it (apt-get install espeak-ng), or use a recording of your own:" >&2
    echo "  .venv/bin/mouthpiece render --avatar demo --audio RECORDING --out clip.mp4" >&2
    exit 1
fi
espeak-ng -v en-us -s 150 -w "$1.tmp" "Hello. I am the box that speaks. Give me a portrait and a recording, \
and I will say it for you. Papa, mama, baby: watch my lips. No cloud, no waiting; every picture is made right here."
mv "$1.tmp" "$1"
