"""Labelled pictures from elsewhere: our own exports, image folders, Label Studio's JSON."""
