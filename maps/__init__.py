"""What people look at: map views made with folium, the web pages and their assets. Knows no HTTP."""
