#!/bin/sh
# Stands in for a program that packages run again and again while they are set up: writes down that it was asked for.
# `debian-deferred.ts` runs the program once, when all packages are there.
echo "${0##*/} $*" >>/.deferred
