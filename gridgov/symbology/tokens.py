"""Design tokens: every colour and size that a page, map, picture or PDF may use, each with a name."""

from __future__ import annotations

from types import MappingProxyType

# Interface colours, sRGB hexadecimal.
COLOURS = MappingProxyType(
    {
        "ink-900": "#1b2430",
        "ink-700": "#3d4a5c",
        "ink-500": "#5d6b80",
        "line": "#d9dfe7",
        "line-strong": "#8d99a8",
        "surface": "#ffffff",
        "canvas": "#f4f6f8",
        "map-ground": "#eef0ee",
        "accent": "#0b5cab",
        "accent-dark": "#084a8b",
        "accent-soft": "#e8f1fb",
        "danger": "#b42318",
        "danger-soft": "#fdecea",
        "warn": "#8a5a00",
        "warn-soft": "#fff3d6",
        "ok": "#1b7742",
        "ok-soft": "#e6f4ec",
    }
)

# Colours that only the map has: the ground that everything lies on.
MAP_COLOURS = MappingProxyType(
    {
        "water": "#b7d8ee",
        "water-line": "#8fbfdf",
        "water-name": "#2f6d94",
        "green": "#cfe5c4",
        "green-line": "#9cc48c",
        "road": "#ffffff",
        "road-line": "#d5d9d6",
        "building": "#d8cfae",
        "building-line": "#bdb188",
        "estate": "#f1e6bd",
        "estate-line": "#a08a3c",
        "plot": "#f7f6f2",
        "plot-line": "#dcd9d0",
        "let": "#c4c9d1",
        "let-line": "#8d99a8",
        "own-use": "#dde1e6",
        "land-unknown": "#e6e3dd",
        # park tints, repeated after the last
        "park-1": "#cfe0f3",
        "park-2": "#f6dfc3",
        "park-3": "#d9e8cd",
        "park-4": "#e5d6ee",
        "park-5": "#f7d9d9",
        "park-6": "#d3e9e7",
        "park-7": "#efe7bd",
        "park-8": "#dfe1e8",
        # land uses as the sketch on the landing page hints at them; real maps take the colours of the codes
        "sketch-industry": "#d9bfa8",
        "sketch-homes": "#f3e08a",
        "sketch-green": "#bfe3b0",
    }
)

# Sizes in CSS pixels unless the name says otherwise.
SIZES = MappingProxyType(
    {
        "space-1": "4px",
        "space-2": "8px",
        "space-3": "12px",
        "space-4": "16px",
        "space-5": "24px",
        "space-6": "32px",
        "space-7": "48px",
        "radius": "6px",
        "shadow": "0 2px 10px rgb(27 36 48 / 16%)",
        "text-12": "12px",
        "text-13": "13px",
        "text-15": "15px",
        "text-18": "18px",
        "text-24": "24px",
        "motion": "150ms",
        "font": '"PingFang SC", "HarmonyOS Sans SC", "Noto Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", '
        "system-ui, sans-serif",
    }
)
